// A run as a pure fold over its events: the twin of lfwidget/model/state.py. What a reader computes from it is in
// json.ts and node.ts.
import { NodeState, sumUsage } from "./node.ts";
import { Span, type SpanStatus } from "./span.ts";
import type {
  Edge,
  ErrorInfo,
  Event,
  GraphChanged,
  InputGiven,
  InputRequested,
  Log,
  Node,
  NodeSkipped,
  NodeStarted,
  Note,
  RunCancelled,
  RunFailed,
  RunFinished,
  RunStarted,
  Usage,
} from "./types.gen.ts";

export type RunStatus = SpanStatus;

/** An event that does not follow the last one, or that lacks what its kind carries. */
export class EventError extends Error {}

export class RunState {
  seq = 0;
  t = 0;
  runId = "";
  flow = "";
  name: string | null = null;
  input: unknown = null;
  startedAt: string | null = null;
  output: unknown = null;
  error: ErrorInfo | null = null;
  duration: number | null = null;
  readonly nodes = new Map<string, NodeState>();
  readonly spans = new Map<string, Span>();
  edges: Edge[] = [];
  readonly pending = new Map<string, InputRequested>();
  readonly logs: Log[] = [];
  readonly notes: Note[] = [];
  /** Nodes touched since a reader last cleared this: what a canvas must draw again. */
  readonly touched = new Set<string>();
  /** Goes up when nodes or edges change. */
  graphVersion = 0;
  #end: RunStatus | null = null;
  #usage: Usage | null = null;

  get status(): RunStatus {
    return this.#end ?? (this.pending.size > 0 ? "waiting" : "running");
  }

  get ended(): boolean {
    return this.#end !== null;
  }

  get usage(): Usage | null {
    return this.#usage ?? sumUsage(this.spans.values());
  }

  /** False where the event is known already. Throws where one is missing before it. */
  apply(event: Event): boolean {
    if (event.seq <= this.seq) {
      return false;
    }
    if (event.seq !== this.seq + 1) {
      throw new EventError(`event ${event.seq} came after ${this.seq}`);
    }
    this.seq = event.seq;
    this.t = event.t;
    this.#fold(event);
    return true;
  }

  node(id: string): NodeState {
    let node = this.nodes.get(id);
    if (!node) {
      node = new NodeState(id);
      this.nodes.set(id, node);
    }
    return node;
  }

  /** The node whose card shows what happens in this one: itself, or the nearest ancestor that has a card. */
  card(id: string): string {
    return this.#shownOn(id).at(-1)?.id ?? id;
  }

  /** The node, and the ancestors whose card shows what happens in it. A graph from a file may go in circles. */
  #shownOn(id: string): NodeState[] {
    const path: NodeState[] = [];
    for (let at = this.nodes.get(id); at && !path.includes(at); at = this.nodes.get(at.def?.parent ?? "")) {
      path.push(at);
      if (at.hasCard) {
        break;
      }
    }
    return path;
  }

  #fold(event: Event): void {
    switch (event.kind) {
      case "run.started":
        return this.#begin(event);
      case "graph.changed":
        return this.#grow(event);
      case "node.started":
        return this.#start(event);
      case "node.skipped":
        return this.#skip(event);
      case "input.requested":
        return this.#ask(event);
      case "input.given":
        return this.#answer(event);
      case "log":
        this.logs.push(event);
        return;
      case "note":
        this.notes.push(event);
        return;
      case "run.finished":
      case "run.failed":
      case "run.cancelled":
        return this.#finish(event, event.kind.slice(4) as RunStatus);
      default:
        return this.#onSpan(event);
    }
  }

  #onSpan(event: Event): void {
    const span = "span" in event ? this.spans.get(event.span) : undefined;
    if (span) {
      this.#change(span, () => span.apply(event));
    }
  }

  /** Whatever changes a span: its node's counts of running and waiting spans follow, so a status needs no walk. */
  #change(span: Span, act: () => void): void {
    const node = this.node(span.node);
    node.count(span, -1);
    act();
    node.count(span, 1);
    this.#touch(span.node);
  }

  #begin(event: RunStarted): void {
    this.runId = event.run_id;
    this.flow = event.flow;
    this.name = event.name ?? null;
    this.input = event.input ?? null;
    this.startedAt = event.started_at;
    this.#define(event.graph.nodes);
    this.edges = [...event.graph.edges];
  }

  #grow(event: GraphChanged): void {
    this.#define(event.nodes);
    const known = new Set(this.edges.map(edgeKey));
    this.edges.push(...event.edges.filter((edge) => !known.has(edgeKey(edge))));
  }

  #define(nodes: readonly Node[]): void {
    this.graphVersion += 1;
    let moved = false;
    for (const def of nodes) {
      const node = this.node(def.id);
      moved ||= node.group.length > 0 && (node.def?.parent !== def.parent || node.hasCard !== (def.card ?? true));
      node.def = def;
    }
    if (!moved) {
      return;
    }
    for (const node of this.nodes.values()) {
      node.group = [];
    }
    for (const span of this.spans.values()) {
      this.#group(span);
    }
  }

  #group(span: Span): void {
    for (const node of this.#shownOn(span.node)) {
      node.group.push(span);
    }
  }

  #start(event: NodeStarted): void {
    const node = this.node(event.node);
    const span = new Span(event);
    this.spans.set(span.id, span);
    node.spans.push(span);
    node.count(span, 1);
    this.#group(span);
    if (span.parent !== null) {
      this.spans.get(span.parent)?.children.push(span);
    }
    this.#touch(node.id);
  }

  #skip({ node: id, reason }: NodeSkipped): void {
    const node = this.node(id);
    node.skipped = true;
    node.reason = reason;
    this.#touch(id);
  }

  #ask(event: InputRequested): void {
    this.pending.set(event.request, event);
    this.#turn(event.span, "waiting");
    this.#touch(event.node);
  }

  #answer({ request, span }: InputGiven): void {
    this.pending.delete(request);
    if (![...this.pending.values()].some((other) => other.span === span)) {
      this.#turn(span, "running");
    }
  }

  #turn(id: string, status: "running" | "waiting"): void {
    const span = this.spans.get(id);
    if (span?.open) {
      this.#change(span, () => {
        span.status = status;
      });
    }
  }

  #finish(event: RunFinished | RunFailed | RunCancelled, status: RunStatus): void {
    this.#end = status;
    this.duration = event.t;
    this.pending.clear();
    if ("output" in event) {
      this.output = event.output;
    }
    if ("usage" in event) {
      this.#usage = sumUsage([event]);
    }
    if ("error" in event) {
      this.error = event.error;
    }
    for (const span of this.spans.values()) {
      if (span.open) {
        this.#change(span, () => span.close("cancelled", event.t));
      }
    }
  }

  #touch(id: string): void {
    this.touched.add(this.card(id));
  }
}

export function edgeKey(edge: Edge): string {
  return JSON.stringify([edge.source, edge.target, edge.source_port, edge.target_port, edge.label, edge.kind]);
}
