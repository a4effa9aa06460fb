// What the page knows: the runs of one widget, which of them is shown, and what was asked of the kernel. One store for
// all views of a model.
import type { AnyModel } from "@anywidget/types";
import { Connection, LOOK } from "./connection.ts";
import { Feed } from "./feed.ts";
import { type Incoming, isGraph, type Outgoing, parse } from "./messages.ts";
import type { RunState, RunStatus } from "./state.ts";
import type { Form, Graph } from "./types.gen.ts";

export interface RunInfo {
  id: string;
  name: string;
  status: RunStatus;
}

export interface Traits {
  graph: Graph;
  form: Form | null;
  title: string;
  runs: RunInfo[];
  shown: string;
  height: number;
}

/** What changed: nodes of a run (by card), the choice of run or the flow itself, or the connection. */
export interface Change {
  what: "nodes" | "shown" | "runs" | "form" | "health" | "height" | "reply";
  run?: string;
  touched?: ReadonlySet<string>;
}

/** What became of something asked of the kernel. */
export type Reply = { ok: true; run: string } | { ok: false; message: string; fields: string[] };

/** A missing answer is asked for again, but not faster than this (ms). */
const RETRY = 2000;
const EMPTY: Graph = { nodes: [], edges: [] };

export class Store {
  readonly connection: Connection;
  readonly replies = new Map<string, Reply>();
  readonly #model: AnyModel<Traits>;
  readonly #feeds = new Map<string, Feed>();
  readonly #asked = new Map<string, number>();
  readonly #listeners = new Set<(change: Change) => void>();
  #requests = 0;

  constructor(model: AnyModel<Traits>, signal: AbortSignal) {
    this.#model = model;
    this.connection = new Connection(
      () => this.#send({ kind: "ping" }),
      () => this.#emit({ what: "health" }),
    );
    model.on("msg:custom", (message: unknown) => this.#receive(message));
    model.on("change:graph", () => this.#emit({ what: "shown" }));
    model.on("change:title", () => this.#emit({ what: "runs" }));
    model.on("change:form", () => this.#emit({ what: "form" }));
    model.on("change:height", () => this.#emit({ what: "height" }));
    model.on("change:runs", () => this.#list());
    model.on("change:shown", () => this.#show());
    model.on("comm:close", () => this.connection.lose());
    model.on("destroy", () => this.connection.lose());
    const timer = setInterval(() => this.#look(), LOOK);
    signal.addEventListener("abort", () => clearInterval(timer));
    this.#show();
  }

  listen(listener: (change: Change) => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener));
  }

  /** The run the views show, by id; "" before any. */
  get shown(): string {
    const chosen = this.#model.get("shown");
    return chosen || (this.runs.at(-1)?.id ?? "");
  }

  get feed(): Feed | null {
    return this.#feeds.get(this.shown) ?? null;
  }

  /** The state of the run that is shown; null before the first of its events. */
  get state(): RunState | null {
    const state = this.feed?.state;
    return state && state.seq > 0 ? state : null;
  }

  get runs(): RunInfo[] {
    const runs = this.#model.get("runs");
    return Array.isArray(runs) ? runs.map((run) => ({ ...run, status: this.#statusOf(run) })) : [];
  }

  get graph(): Graph {
    const state = this.state;
    if (state) {
      return { nodes: [...state.nodes.values()].flatMap((node) => node.def ?? []), edges: state.edges };
    }
    const graph = this.#model.get("graph");
    return isGraph(graph) ? graph : EMPTY;
  }

  get form(): Form | null {
    return this.#model.get("form") ?? null;
  }

  get title(): string {
    return this.#model.get("title") ?? "";
  }

  get height(): number {
    return this.#model.get("height") || 420;
  }

  show(run: string): void {
    this.#model.set("shown", run);
    this.#model.save_changes();
  }

  start(input: unknown): string {
    return this.#request((request) => ({ kind: "start", request, input }));
  }

  answer(run: string, question: string, value: unknown): string {
    return this.#request((request) => ({ kind: "answer", request, run, question, value }));
  }

  cancel(run: string): void {
    this.#send({ kind: "cancel", run });
    this.connection.ask();
  }

  #request(make: (request: string) => Outgoing): string {
    this.#requests += 1;
    // Answers reach every page of the kernel, so a number alone would be taken for another page's.
    const request = `${crypto.randomUUID()}-${this.#requests}`;
    this.#send(make(request));
    this.connection.ask();
    return request;
  }

  #send(message: Outgoing): void {
    try {
      this.#model.send(message);
    } catch {
      // A comm that was disposed (the kernel was restarted) refuses to send.
      this.connection.lose();
    }
  }

  #emit(change: Change): void {
    for (const listener of this.#listeners) {
      listener(change);
    }
  }

  #statusOf(run: RunInfo): RunStatus {
    const state = this.#feeds.get(run.id)?.state;
    return state && state.seq > 0 ? state.status : run.status;
  }

  #feedOf(run: string): Feed {
    let feed = this.#feeds.get(run);
    if (!feed) {
      feed = new Feed();
      this.#feeds.set(run, feed);
    }
    return feed;
  }

  #receive(raw: unknown): void {
    const message = parse(raw);
    if (!message) {
      return;
    }
    if (message.kind === "beat") {
      this.connection.hear(message.busy);
    } else if (message.kind === "frame") {
      this.connection.hear();
    } else {
      this.connection.pong();
    }
    this.#handle(message);
  }

  #handle(message: Incoming): void {
    switch (message.kind) {
      case "frame":
        return this.#frame(this.#feedOf(message.run), message.run, message.events);
      case "head": {
        const feed = this.#feedOf(message.run);
        feed.head = Math.max(feed.head, message.seq);
        this.#asked.delete(message.run);
        return this.#catchUp(message.run);
      }
      case "refused":
        this.replies.set(message.request, { ok: false, message: message.message, fields: message.fields });
        return this.#emit({ what: "reply" });
      case "started":
        this.replies.set(message.request, { ok: true, run: message.run });
        return this.#emit({ what: "reply" });
      default:
    }
  }

  #frame(feed: Feed, run: string, events: Parameters<Feed["take"]>[0]): void {
    const first = feed.state.seq === 0;
    const { graphVersion } = feed.state;
    if (feed.take(events, performance.now() / 1000)) {
      const touched = new Set(feed.state.touched);
      feed.state.touched.clear();
      const redrawn = first || feed.state.graphVersion !== graphVersion;
      this.#emit(redrawn && run === this.shown ? { what: "shown" } : { what: "nodes", run, touched });
      if (first || feed.state.ended) {
        this.#emit({ what: "runs" });
      }
    }
    this.#catchUp(run);
  }

  /** Asks for what is missing of a run, once; the answer is idempotent, so asking once too often only costs bytes. */
  #catchUp(run: string): void {
    const feed = this.#feedOf(run);
    const last = this.#asked.get(run) ?? Number.NEGATIVE_INFINITY;
    if (feed.behind && performance.now() - last > RETRY) {
      this.#ask(run, feed);
    }
  }

  #ask(run: string, feed: Feed): void {
    this.#asked.set(run, performance.now());
    this.#send({ kind: "resync", run, have: feed.state.seq });
  }

  #list(): void {
    const known = new Set(this.runs.map((run) => run.id));
    for (const run of this.#feeds.keys()) {
      if (!known.has(run)) {
        this.#feeds.delete(run);
      }
    }
    this.#emit({ what: "runs" });
    this.#show();
  }

  #show(): void {
    const run = this.shown;
    if (run) {
      const feed = this.#feedOf(run);
      if (feed.state.seq === 0 && !this.#asked.has(run)) {
        this.#ask(run, feed);
      }
    }
    this.#emit({ what: "shown" });
  }

  #look(): void {
    this.connection.look(this.runs.some((run) => run.status === "running" || run.status === "waiting"));
    for (const run of this.#feeds.keys()) {
      this.#catchUp(run);
    }
  }
}
