// A run's state as plain JSON, as lfwidget/model/state.py prints it: the same keys and, to six decimals, the same numbers.
import type { NodeState } from "./node.ts";
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
    tool_calls: node.calls.map(callJson),
    input: current?.input ?? null,
    output: current?.output ?? null,
    error: node.error,
    usage: node.usage,
    duration: round(current?.duration ?? null),
    tokens: node.tokens,
  };
}

function spanJson(span: Span): Json {
  return {
    span: span.id,
    node: span.node,
    parent: span.parent,
    attempt: span.attempt,
    index: span.index,
    status: span.status,
    start: round(span.start),
    end: round(span.end),
    duration: round(span.duration),
    input: span.input,
    output: span.output,
    error: span.error,
    usage: span.usage,
    text: span.text.toString(),
    reasoning: span.reasoning.toString(),
    tool_calls: [...span.calls.values()].map(callJson),
    first_token: round(span.firstToken),
    chunks: span.chunks,
    retracted: span.retracted,
  };
}

function callJson(call: { index: number; id: string | null; name: string | null; args: unknown }): Json {
  return { ...call, args: String(call.args) };
}

function round(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1e6) / 1e6;
}
