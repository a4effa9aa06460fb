// A run's state as plain JSON, as lfwidget/model/state.py prints it: the same keys and, to six decimals, the same numbers.
import { callsOf, type NodeState } from "./node.ts";
import type { Span } from "./span.ts";
import type { RunState } from "./state.ts";

type Json = Record<string, unknown>;

export function toJson(run: RunState): Json {
  return {
    seq: run.seq,
    t: round(run.t),
    run_id: run.runId,
    flow: run.flow,
    name: run.name,
    status: run.status,
    input: run.input,
    output: run.output,
    error: run.error,
    usage: run.usage,
    started_at: run.startedAt,
    duration: round(run.duration),
    text: runText(run),
    graph: { nodes: [...run.nodes.values()].flatMap((node) => node.def ?? []), edges: run.edges },
    nodes: Object.fromEntries([...run.nodes.values()].map((node) => [node.id, nodeJson(node)])),
    pending: [...run.pending.values()],
    logs: run.logs,
    notes: run.notes,
  };
}

/** What the last model said. */
export function runText(run: RunState): string {
  let said = "";
  for (const span of run.spans.values()) {
    if (!span.retracted && span.text.length > 0) {
      said = span.text.toString();
    }
  }
  return said;
}

function nodeJson(node: NodeState): Json {
  const current = node.current;
  return {
    id: node.id,
    status: node.status,
    reason: node.reason,
    spans: node.spans.map(spanJson),
    text: node.said?.text.toString() ?? "",
    reasoning: node.thought?.reasoning.toString() ?? "",
    tool_calls: callsOf(node.asked).map(callJson),
    input: current?.input ?? null,
    output: current?.output ?? null,
    error: current?.error ?? null,
    usage: node.usage,
    duration: round(current?.duration ?? null),
    first_token: round(firstToken(node)),
    self_time: round(selfTime(node)),
    tokens: node.tokens,
  };
}

/** Seconds from the start of the node's current span to the first token of any channel. */
function firstToken(node: NodeState): number | null {
  const start = node.current?.began ?? Number.POSITIVE_INFINITY;
  const arrivals = node.group.flatMap((span) => (span.firstToken === null ? [] : span.began + span.firstToken));
  const later = arrivals.filter((at) => at >= start).map((at) => at - start);
  return later.length > 0 ? later.reduce((a, b) => Math.min(a, b)) : null;
}

/** Seconds of the current span in which none of the spans inside it ran; null until it ends. */
function selfTime(node: NodeState): number | null {
  const span = node.current;
  return span?.end == null ? null : Math.max(0, span.end - span.began - covered(span.inner));
}

/** Seconds that lie in at least one of the spans. */
function covered(spans: readonly Span[]): number {
  let total = 0;
  let reached = 0;
  const stretches = spans.map(({ began, end }) => [began, end ?? began] as const);
  for (const [start, end] of stretches.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    total += Math.max(0, end - Math.max(start, reached));
    reached = Math.max(reached, end);
  }
  return total;
}

function spanJson(span: Span): Json {
  return {
    span: span.id,
    node: span.node,
    parent: span.parent,
    attempt: span.attempt,
    index: span.index,
    status: span.status,
    start: round(span.began),
    end: round(span.end),
    duration: round(span.duration),
    input: span.input,
    output: span.output,
    error: span.error,
    usage: span.usage,
    text: span.text.toString(),
    reasoning: span.reasoning.toString(),
    tool_calls: callsOf(span).map(callJson),
    first_token: round(span.firstToken),
    chunks: span.chunks,
    retracted: span.retracted,
  };
}

function callJson(call: { index: number; id: string | null; name: string | null; args: unknown }): Json {
  return { ...call, args: String(call.args) };
}

/** To six decimals as Python rounds: exactly, and where it lies half way, which only a multiple of 1/128 can, to even. */
function round(value: number | null): number | null {
  if (value === null || Number.isInteger(value)) {
    return value;
  }
  const low = Math.floor(value * 1e6);
  return Number.isInteger(value * 128) && Math.abs(value * 128) % 2 === 1
    ? (low + (low % 2 === 0 ? 0 : 1)) / 1e6
    : Number(value.toFixed(6));
}
