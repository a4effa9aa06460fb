// The page outside a notebook, with a kernel made of nothing: ?scenario=running&theme=dark&live=1&height=420, or the
// address of a log: ?scenario=../../tests/golden/loop.jsonl
import type { AnyModel, RenderProps } from "@anywidget/types";
import type { Traits } from "../src/model/store.ts";
import type { Event } from "../src/model/types.gen.ts";
import { FakeModel, type Message } from "./model.ts";
import { SCENARIOS, type Scenario } from "./scenarios.ts";

const asked = new URLSearchParams(location.search);
const name = asked.get("scenario") ?? "running";
const scenario = name.endsWith(".jsonl") ? await fromFile(name) : (SCENARIOS[name] ?? SCENARIOS.running)?.();
document.body.className = asked.get("theme") ?? "light";

/** A log, by its address. */
async function fromFile(address: string): Promise<Scenario> {
  const lines = (await (await fetch(address)).text()).split("\n").filter(Boolean);
  const events: Event[] = lines.map((line) => JSON.parse(line));
  const [first] = events;
  return { graph: first?.kind === "run.started" ? first.graph : { nodes: [], edges: [] }, events };
}

/** A run: its whole log, and how much of it has been told. */
interface Played {
  events: Event[];
  told: number;
}

class Kernel {
  readonly #model: FakeModel;
  readonly #runs = new Map<unknown, Played>();

  constructor(model: FakeModel, events: Event[], live: boolean) {
    this.#model = model;
    model.onSend = (message) => setTimeout(() => this.#hear(message), 5);
    setInterval(() => asked.has("mute") || model.receive({ kind: "beat", busy: asked.has("busy") }), 1000);
    this.#runs.set("run-1", { events, told: live ? 0 : events.length });
    this.#play("run-1");
  }

  /** Tells a run at its own pace. */
  #play(run: string): void {
    const played = this.#runs.get(run);
    const begin = performance.now() / 1000;
    const next = () => {
      const events = played?.events.slice(played.told).filter(({ t }) => t <= performance.now() / 1000 - begin) ?? [];
      if (played && events.length > 0) {
        played.told += events.length;
        this.#model.receive({ kind: "frame", run, events });
      }
      if (played && played.told < played.events.length) {
        setTimeout(next, 33);
      }
    };
    next();
  }

  #hear(message: Message): void {
    const { kind, run, request } = message;
    if (asked.has("mute")) {
      return;
    }
    if (kind === "ping") {
      asked.has("busy") || this.#model.receive({ kind: "pong" });
    } else if (kind === "resync") {
      const { events = [], told = 0 } = this.#runs.get(run) ?? {};
      this.#model.receive({ kind: "frame", run, events: events.slice(message.have as number, told) });
      this.#model.receive({ kind: "head", run, seq: told });
    } else if (kind === "start" && message.input === "refuse") {
      this.#model.receive({ kind: "refused", request, message: "This flow wants the field topic.", fields: ["input"] });
    } else if (kind === "start") {
      this.#begin(request as string, message.input);
    }
  }

  #begin(request: string, input: unknown): void {
    const id = `run-${this.#runs.size + 1}`;
    const runs = this.#model.get("runs") as object[];
    this.#runs.set(id, { events: SCENARIOS.ended?.().events ?? [], told: 0 });
    this.#model.set("runs", [...runs, { id, name: String(input), status: "running" }]);
    this.#model.set("shown", id);
    this.#model.receive({ kind: "started", request, run: id });
    this.#play(id);
  }
}

if (scenario) {
  const started = scenario.events.length > 0;
  const last = scenario.events.at(-1)?.kind ?? "";
  const status = last.startsWith("run.") && last !== "run.started" ? last.slice(4) : "running";
  const model = new FakeModel({
    graph: scenario.graph,
    form: scenario.form,
    title: "Tutor",
    height: Number(asked.get("height") ?? 420),
    runs: [...(scenario.more ?? []), ...(started ? [{ id: "run-1", name: "What is entropy?", status }] : [])],
    shown: started ? "run-1" : "",
  });
  const kernel = new Kernel(model, scenario.events, asked.has("live"));
  Object.assign(window, { model, kernel });
  const module = "../../lfwidget/static/widget.js";
  const { default: make } = await import(module);
  const widget = make();
  const controller = new AbortController();
  const props = { model: model as unknown as AnyModel<Traits>, signal: controller.signal, experimental: {} };
  widget.initialize(props);
  widget.render({ ...props, el: document.querySelector("#widget") } as unknown as RenderProps<Traits>);
  Object.assign(window, { controller });
}
