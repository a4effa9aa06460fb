// What anywidget gives a widget in a notebook, made of the runs that a gateway tells of: the page is the same widget.
import type { RunInfo, Traits } from "../model/store.ts";
import type { Event } from "../model/types.gen.ts";
import type { Message, Track } from "./tracks.ts";
import { TraitsModel } from "./traits.ts";

interface Options {
  /** Asks the gateway for something; false where it cannot hear it. */
  send(message: Message): boolean;
  /** The code of the player. */
  player(): Promise<string>;
  log(run: string): readonly Event[];
}

export class Model extends TraitsModel {
  readonly #options: Options;

  constructor(options: Options) {
    super({
      graph: { nodes: [], edges: [] },
      form: null,
      title: "",
      runs: [],
      shown: "",
      height: 420,
    } satisfies Traits);
    this.#options = options;
  }

  /** The widget asks its kernel, which is partly us and partly whoever shares the run. */
  send(message: Message): void {
    const { kind, run, request } = message;
    if (kind === "resync" && typeof run === "string") {
      const events = this.#options.log(run);
      this.receive({ kind: "frame", run, events: events.slice(Number(message.have)) });
      this.receive({ kind: "head", run, seq: events.length });
    } else if (kind === "player") {
      void this.#options.player().then((code) => this.receive({ kind, code }));
    } else if (kind === "ping") {
      this.receive({ kind: "pong" });
    } else if (kind === "keep" || kind === "note") {
      this.#refuse(request, "In a notebook, lfwidget.join() keeps what you see.");
    } else if (!this.#options.send(message)) {
      this.#refuse(request, "There is no connection just now: try again.");
    } else if (kind === "start") {
      // What comes of it is a new run, which appears here by itself.
      this.receive({ kind: "started", request, run: "" });
    }
  }

  #refuse(request: unknown, message: string): void {
    if (typeof request === "string") {
      this.receive({ kind: "refused", request, message, fields: [] });
    }
  }

  /** Shows a run that is new, before its first events. */
  add({ run, log }: Track): void {
    const [first] = log;
    if (first?.kind === "run.started") {
      const name = first.name || first.flow;
      this.set("title", first.flow);
      this.set("runs", [...(this.get("runs") as RunInfo[]), { id: run, name, status: "running" }]);
      this.set("shown", run);
    }
  }

  receive(message: Message): void {
    this.emit("msg:custom", message, []);
  }
}
