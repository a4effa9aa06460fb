// A run as a pure fold over its events: the twin of lfwidget/model/state.py. What follows from a node's spans is in
// node.ts, the whole as JSON in json.ts.

import { stringify, valuesOf } from "../short.ts";
import { NodeState, sumUsage } from "./node.ts";
import { Span, type SpanStatus } from "./span.ts";
import type { Edge, ErrorInfo, Event, InputRequested, Log, Node, Note, Usage } from "./types.gen.ts";

export type RunStatus = SpanStatus;

export interface RunState {
  /** Of the last event; 0 before the first. */
  seq: number;
  /** Seconds from the start of the run to the last event. */
  t: number;
  runId: string;
  flow: string;
  name: string | null;
  input: unknown;
  startedAt: string | null;
  output: unknown;
  error: ErrorInfo | null;
  duration: number | null;
  nodes: Map<string, NodeState>;
  /** By id, in the order they started. */
  spans: Map<string, Span>;
  edges: Edge[];
  /** The open questions, by request. */
  pending: Map<string, InputRequested>;
  logs: Log[];
  notes: Note[];
  /** Cards whose node changed since a reader last cleared this. */
  touched: Set<string>;
  /** Goes up when nodes or edges change. */
  graphVersion: number;
  readonly status: RunStatus;
  readonly ended: boolean;
  readonly usage: Usage | null;
  /** Takes in one event; false where it is known already. Throws where events are missing before it. */
  apply(event: Event): boolean;
  /** The node whose card shows what happens in this one: itself, or the nearest ancestor that has a card. */
  card(id: string): string;
}

export function makeRun(): RunState {
  let end: RunStatus | null = null;
  let told: Usage | null = null;
  const [nodes, spans] = [new Map<string, NodeState>(), new Map<string, Span>()];
  const pending = new Map<string, InputRequested>();

  const run: RunState = {
    seq: 0,
    t: 0,
    runId: "",
    flow: "",
    name: null,
    input: null,
    startedAt: null,
    output: null,
    error: null,
    duration: null,
    nodes,
    spans,
    edges: [],
    pending,
    logs: [],
    notes: [],
    touched: new Set(),
    graphVersion: 0,
    get status() {
      return end ?? (pending.size > 0 ? "waiting" : "running");
    },
    get ended() {
      return end !== null;
    },
    get usage() {
      return told ?? sumUsage(spans.values());
    },
    apply(event) {
      const fresh = event.seq > run.seq;
      if (fresh) {
        if (event.seq > run.seq + 1) {
          throw new Error(`event ${event.seq} came after ${run.seq}`);
        }
        run.seq = event.seq;
        run.t = event.t;
        fold(event);
      }
      return fresh;
    },
    card: (id) => shownOn(id).at(-1)?.id ?? id,
  };

  const fold = (event: Event): void => {
    switch (event.kind) {
      case "run.started":
        run.runId = event.run_id;
        run.flow = event.flow;
        run.name = event.name ?? null;
        run.input = event.input ?? null;
        run.startedAt = event.started_at;
        return grow(event.graph.nodes, event.graph.edges);
      case "graph.changed":
        return grow(event.nodes, event.edges);
      case "node.started":
        return begin(new Span(event));
      case "node.skipped":
        Object.assign(nodeOf(event.node), { passed: true, reason: event.reason });
        return touch(event.node);
      case "input.requested":
        pending.set(event.request, event);
        touch(event.node);
        return turn(event.span, "waiting");
      case "input.given":
        pending.delete(event.request);
        return valuesOf(pending).some(({ span }) => span === event.span) ? undefined : turn(event.span, "running");
      case "log":
        run.logs.push(event);
        return;
      case "note":
        run.notes.push(event);
        return;
      case "run.finished":
      case "run.failed":
      case "run.cancelled":
        return finish(event, event.kind.slice(4) as RunStatus);
      default: {
        const span = "span" in event && spans.get(event.span);
        if (span) {
          change(span, () => span.apply(event));
        }
      }
    }
  };

  const nodeOf = (id: string): NodeState => {
    const node = nodes.get(id) ?? new NodeState(id);
    nodes.set(id, node);
    return node;
  };
  /** The node, and the ancestors whose card shows what happens in it. A graph from a file may go in circles. */
  const shownOn = (id: string): NodeState[] => {
    const path: NodeState[] = [];
    for (let at = nodes.get(id); at && !path.includes(at); at = nodes.get((!at.hasCard && at.def?.parent) || "")) {
      path.push(at);
    }
    return path;
  };
  const touch = (id: string) => {
    run.touched.add(run.card(id));
  };
  const group = (span: Span) => {
    for (const node of shownOn(span.node)) {
      node.group.push(span);
    }
  };
  const grow = (defs: readonly Node[], edges: readonly Edge[]) => {
    run.graphVersion += 1;
    let moved = false;
    for (const def of defs) {
      const node = nodeOf(def.id);
      moved ||= node.group.length > 0 && (node.def?.parent !== def.parent || node.hasCard !== (def.card ?? true));
      node.def = def;
    }
    if (moved) {
      for (const node of nodes.values()) {
        node.group = [];
      }
      spans.forEach(group);
    }
    const known = new Set(run.edges.map(keyOf));
    run.edges.push(...edges.filter((edge) => !known.has(keyOf(edge))));
  };
  const begin = (span: Span) => {
    const node = nodeOf(span.node);
    spans.set(span.id, span);
    node.spans.push(span);
    node.count(span, 1);
    group(span);
    spans.get(span.parent ?? "")?.inner.push(span);
    touch(span.node);
  };
  /** Whatever changes a span: its node's counts of running and waiting spans follow, so a status needs no walk. */
  const change = (span: Span, act: () => void) => {
    const node = nodeOf(span.node);
    node.count(span, -1);
    act();
    node.count(span, 1);
    touch(span.node);
  };
  const turn = (id: string, status: RunStatus) => {
    const span = spans.get(id);
    if (span?.open) {
      change(span, () => {
        span.status = status;
      });
    }
  };
  const finish = (event: { t: number; output?: unknown; error?: ErrorInfo; usage?: Usage }, status: RunStatus) => {
    end = status;
    told = sumUsage([event]);
    run.duration = event.t;
    run.output = event.output ?? null;
    run.error = event.error ?? null;
    pending.clear();
    for (const span of spans.values()) {
      if (span.open) {
        change(span, () => span.close("cancelled", event.t));
      }
    }
  };
  return run;
}

const keyOf = (edge: Edge): string =>
  stringify([edge.source, edge.target, edge.source_port, edge.target_port, edge.label, edge.kind]);
