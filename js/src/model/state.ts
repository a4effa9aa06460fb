// A run as a pure fold over its events: the twin of lfwidget/model/state.py. What a reader computes from it is in
// json.ts and node.ts.
import { NodeState, sumUsage } from "./node.ts";
import { Span, type SpanStatus } from "./span.ts";
import type {
  Edge,
  ErrorInfo,
  Event,
  GraphChanged,
  InputRequested,
  Log,
  Node,
  NodeFinished,
  NodeStarted,
  Note,
  RunStarted,
  Usage,
} from "./types.gen.ts";

export type RunStatus = SpanStatus;

/** An event that does not follow the last one, or that lacks what its kind carries. */
export class EventError extends Error {}

const ENDS: Record<string, RunStatus> = {
  "run.finished": "finished",
  "run.failed": "failed",
  "run.cancelled": "cancelled",
};

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
    let at = this.nodes.get(id);
    while (at?.def?.card === false && at.def.parent !== undefined) {
      at = this.nodes.get(at.def.parent);
    }
    return at?.id ?? id;
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
        return this.#skip(event.node, event.reason);
      case "input.requested":
        return this.#ask(event);
      case "input.given":
        return this.#answer(event.request, event.span);
      case "log":
        this.logs.push(event);
        return;
      case "note":
        this.notes.push(event);
        return;
      case "run.finished":
      case "run.failed":
      case "run.cancelled":
        return this.#finish(event);
      default:
        return this.#onSpan(event);
    }
  }

  #onSpan(event: Event): void {
    if (!("span" in event)) {
      return;
    }
    const span = this.spans.get(event.span);
    if (!span) {
      return;
    }
    this.#touch(span.node);
    switch (event.kind) {
      case "node.delta":
        return span.delta(event);
      case "node.text":
        return span[event.channel].replace(event.text);
      case "node.finished":
        return this.#done(span, event);
      case "node.failed":
        span.error = event.error;
        return this.#close(span, "failed", event);
      case "node.cancelled":
        return this.#close(span, "cancelled", event);
      case "node.retracted":
        span.retracted = true;
    }
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
      moved ||= node.group.length > 0 && (node.def?.parent !== def.parent || node.def?.card !== def.card);
      node.def = def;
    }
    if (moved) {
      this.#regroup();
    }
  }

  #regroup(): void {
    for (const node of this.nodes.values()) {
      node.group = [];
    }
    for (const span of this.spans.values()) {
      this.#group(span);
    }
  }

  #group(span: Span): void {
    let at: NodeState | undefined = this.nodes.get(span.node);
    at?.group.push(span);
    while (at?.def?.card === false && at.def.parent !== undefined) {
      at = this.nodes.get(at.def.parent);
      at?.group.push(span);
    }
  }

  #start(event: NodeStarted): void {
    const node = this.node(event.node);
    const span = new Span(event);
    this.spans.set(span.id, span);
    node.spans.push(span);
    node.running += 1;
    this.#group(span);
    if (span.parent !== null) {
      this.spans.get(span.parent)?.children.push(span);
    }
    this.#touch(node.id);
  }

  #done(span: Span, event: NodeFinished): void {
    span.output = event.output ?? null;
    span.usage = event.usage ?? null;
    if (event.tool_calls) {
      span.setCalls(event.tool_calls);
    }
    this.#close(span, "finished", event);
  }

  #close(span: Span, status: SpanStatus, event: Event): void {
    this.#count(span, -1);
    span.close(status, event);
  }

  /** Keeps how many spans of a node run or wait, so that its status needs no walk. */
  #count(span: Span, step: number): void {
    const node = this.node(span.node);
    if (span.status === "running") {
      node.running += step;
    } else if (span.status === "waiting") {
      node.waiting += step;
    }
  }

  #turn(span: Span | undefined, status: "running" | "waiting"): void {
    if (span?.open) {
      this.#count(span, -1);
      span.status = status;
      this.#count(span, 1);
      this.#touch(span.node);
    }
  }

  #skip(id: string, reason: string): void {
    const node = this.node(id);
    node.skipped = true;
    node.reason = reason;
    this.#touch(id);
  }

  #ask(event: InputRequested): void {
    this.pending.set(event.request, event);
    this.#turn(this.spans.get(event.span), "waiting");
    this.#touch(event.node);
  }

  #answer(request: string, spanId: string): void {
    this.pending.delete(request);
    const asksOn = [...this.pending.values()].some((other) => other.span === spanId);
    if (!asksOn) {
      this.#turn(this.spans.get(spanId), "running");
    }
  }

  #finish(event: Event): void {
    this.#end = ENDS[event.kind] ?? "finished";
    this.duration = event.t;
    this.pending.clear();
    if (event.kind === "run.finished") {
      this.output = event.output ?? null;
      this.#usage = event.usage ?? null;
    } else if (event.kind === "run.failed") {
      this.error = event.error;
    }
    for (const span of this.spans.values()) {
      if (span.open) {
        this.#close(span, "cancelled", { ...event });
        this.#touch(span.node);
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
