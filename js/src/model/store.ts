// What the page knows: the runs of one widget, which of them is shown, and what was asked of the kernel. One store for
// all views of a model.
import type { AnyModel } from "@anywidget/types";
import { atEnd } from "../dom.ts";
import { valuesOf } from "../short.ts";
import { type Connection, LOOK, makeConnection } from "./connection.ts";
import { type Feed, makeFeed } from "./feed.ts";
import { type Incoming, isGraph, type Outgoing, parse, unpack } from "./messages.ts";
import type { RunState, RunStatus } from "./state.ts";
import type { Event, Form, Graph } from "./types.gen.ts";

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

/** What changed: nodes of the run that is shown (by card), what is drawn at all, or anything else. `kept`: a record
 * should be in the page by now. */
export type Change = { nodes: ReadonlySet<string> } | { kept: string } | "graph" | "rest";

export type Reply = Extract<Incoming, { request: string }>;

export interface Store {
  readonly connection: Connection;
  /** What became of something asked, by what was returned when it was asked. */
  readonly replies: ReadonlyMap<string, Reply>;
  /** The run the views show, by id; "" before any. */
  readonly shown: string;
  /** The feed of the run that is shown, once it has an event. */
  readonly feed: Feed | null;
  readonly state: RunState | null;
  readonly runs: RunInfo[];
  readonly graph: Graph;
  readonly form: Form | null;
  readonly title: string;
  readonly height: number;
  listen(listener: (change: Change) => void, signal: AbortSignal): void;
  show(run: string): void;
  start(input: unknown): string;
  answer(run: string, question: string, value: unknown): string;
  cancel(run: string): void;
  /** Has the record of the run that is shown put into the notebook. */
  keep(): void;
  note(note: { node: string; text: string; moment: number }): void;
  /** The code of the player, which only those load who play something. */
  player(): Promise<PlayerModule>;
}

type PlayerModule = typeof import("../record.ts");

/** A missing answer is asked for again, but not faster than this (ms). */
const RETRY = 2000;
const LIVE = ["running", "waiting"];

export function makeStore(model: AnyModel<Traits>, signal: AbortSignal): Store {
  const feeds = new Map<string, Feed>();
  const asked = new Map<string, number>();
  const replies = new Map<string, Reply>();
  const listeners = new Set<(change: Change) => void>();
  let loaded: Promise<PlayerModule> | undefined;
  let load = (_code: string) => {};

  const emit = (change: Change) => {
    for (const listener of listeners) {
      listener(change);
    }
  };
  const send = (message: Outgoing) => {
    try {
      model.send(message);
    } catch {
      // A comm that was disposed (the kernel was restarted) refuses to send.
      connection.lose();
    }
  };
  const connection = makeConnection(
    () => send({ kind: "ping" }),
    () => emit("rest"),
  );

  const store: Store = {
    connection,
    replies,
    get shown() {
      return model.get("shown") || (store.runs.at(-1)?.id ?? "");
    },
    get feed() {
      const feed = feeds.get(store.shown);
      return feed?.state.seq ? feed : null;
    },
    get state() {
      return store.feed?.state ?? null;
    },
    get runs() {
      return (model.get("runs") ?? []).map((run) => {
        const state = feeds.get(run.id)?.state;
        return state?.seq ? { ...run, status: state.status } : run;
      });
    },
    get graph() {
      const { state } = store;
      const graph = state
        ? { nodes: valuesOf(state.nodes).flatMap(({ def }) => def ?? []), edges: state.edges }
        : model.get("graph");
      return isGraph(graph) ? graph : { nodes: [], edges: [] };
    },
    get form() {
      return model.get("form");
    },
    get title() {
      return model.get("title");
    },
    get height() {
      return model.get("height");
    },
    listen(listener, until) {
      listeners.add(listener);
      atEnd(until, () => listeners.delete(listener));
    },
    show(run) {
      model.set("shown", run);
      model.save_changes();
    },
    start: (input) => request((id) => ({ kind: "start", request: id, input })),
    answer: (run, question, value) => request((id) => ({ kind: "answer", request: id, run, question, value })),
    cancel(run) {
      send({ kind: "cancel", run });
      connection.ask();
    },
    keep: () => void request((id) => ({ kind: "keep", request: id, run: store.shown })),
    note: (note) => void request((id) => ({ kind: "note", request: id, run: store.shown, ...note })),
    player() {
      loaded ??= new Promise<string>((done) => {
        load = done;
        send({ kind: "player" });
      }).then((code) => import(URL.createObjectURL(new Blob([code], { type: "text/javascript" }))));
      return loaded;
    },
  };
  const request = (make: (id: string) => Outgoing): string => {
    // Answers reach every page of the kernel, so a count would be taken for another page's.
    const id = `${Math.random()}`;
    send(make(id));
    connection.ask();
    return id;
  };

  const feedOf = (run: string): Feed => {
    const feed = feeds.get(run) ?? makeFeed();
    feeds.set(run, feed);
    return feed;
  };
  /** Asks for what is missing of a run. The answer is idempotent: asking once too often only costs bytes. */
  const catchUp = (run: string, feed: Feed) => {
    const now = performance.now();
    if (feed.behind && now - (asked.get(run) ?? -RETRY) >= RETRY) {
      asked.set(run, now);
      send({ kind: "resync", run, have: feed.state.seq });
    }
  };
  const take = (run: string, events: readonly Event[]) => {
    const feed = feedOf(run);
    const { state } = feed;
    const { graphVersion, status } = state;
    feed.take(events, performance.now() / 1000);
    const nodes = new Set(state.touched);
    state.touched.clear();
    if (run === store.shown) {
      emit(state.graphVersion === graphVersion ? { nodes } : "graph");
    }
    if (state.status !== status) {
      emit("rest");
    }
    catchUp(run, feed);
  };
  const obey = (message: Incoming) => {
    if (message.kind === "frame") {
      take(message.run, message.events);
    } else if (message.kind === "head") {
      const feed = feedOf(message.run);
      feed.newest = message.seq;
      asked.delete(message.run);
      catchUp(message.run, feed);
    } else if (message.kind === "kept") {
      emit({ kept: message.token });
    } else if (message.kind === "player") {
      load(message.code);
    } else if ("request" in message) {
      replies.set(message.request, message);
      emit("rest");
    }
  };
  const receive = (raw: unknown, buffers?: readonly DataView[]) => {
    const message = parse(unpack(raw, buffers?.[0]));
    if (message) {
      connection.hear(message.kind, "busy" in message && message.busy === true);
      obey(message);
    }
  };
  const show = () => {
    const run = store.shown;
    if (run && !feedOf(run).state.seq) {
      catchUp(run, feedOf(run));
    }
    emit("graph");
  };
  const list = () => {
    const known = store.runs.map(({ id }) => id);
    for (const run of feeds.keys()) {
      if (!known.includes(run)) {
        feeds.delete(run);
      }
    }
    emit("rest");
  };

  model.on("msg:custom", receive);
  for (const trait of ["title", "form", "height"]) {
    model.on(`change:${trait}`, () => emit("rest"));
  }
  model.on("change:graph", () => emit("graph"));
  model.on("change:shown", show);
  model.on("change:runs", list);
  model.on("comm:close", connection.lose);
  model.on("destroy", connection.lose);
  const timer = setInterval(() => {
    connection.look(store.runs.some(({ status }) => LIVE.includes(status)));
    feeds.forEach((feed, run) => {
      catchUp(run, feed);
    });
  }, LOOK);
  atEnd(signal, () => clearInterval(timer));
  show();
  return store;
}
