// Made by scripts/generate_types.py from lfwidget/model/graph.py, lfwidget/model/events.py, lfwidget/runners/base.py. Do not edit.

/**
 * What kind of step a node is: it picks the icon and the colour. `start` and `end` are the pills of a LangGraph graph,
 * `note` is what a person stuck to the canvas; these never run. `node` is anything else.
 */
export type NodeType =
  | "prompt"
  | "model"
  | "parser"
  | "tool"
  | "retriever"
  | "function"
  | "passthrough"
  | "parallel"
  | "branch"
  | "graph"
  | "each"
  | "start"
  | "end"
  | "note"
  | "node";

/** Where an edge ends on a card. A card without ports has one unnamed place on either side. `color` is #rrggbb. */
export interface Port {
  name: string;
  title?: string;
  type?: string;
  color?: string;
}

/**
 * One step of a flow. `id` is readable and stable: `prompt`, `model-2`, `tools/search`.
 *
 * `parent` is the node this one lies in. A node with `card: False` has no card of its own: it ran inside an opaque
 * function, and its text and tokens show on the card of the nearest ancestor that has one. A node that is the parent
 * of cards is drawn as a frame around them. `x`, `y` (top left), `width` and `height` are pixels at zoom 1, relative
 * to the canvas, never to the parent.
 *
 * `icon` (the data of an SVG path on a grid of 24 by 24, stroked; or one letter) and `color` (#rrggbb) stand in for
 * those of the type. `warning` is what is wrong with it, for people. `words` are the text of a note, as runs of
 * [style, text]: `h` a heading, `b` bold, `i` italic, `c` code, and "" plain.
 */
export interface Node {
  id: string;
  title: string;
  type: NodeType;
  subtitle?: string;
  parent?: string;
  card?: boolean;
  params?: Record<string, unknown>;
  inputs?: Port[];
  outputs?: Port[];
  x?: number;
  y?: number;
  width?: number;
  height?: number;
  icon?: string;
  color?: string;
  warning?: string;
  words?: string[][];
}

/**
 * From `source` to `target`, at their ports where these are named.
 *
 * `kind` is `flow` (always taken), `conditional` (taken or not) or `fallback` (taken after an error). `points` are
 * pixels the line passes on its way round cards: [[x, y], ...], without its two ends.
 */
export interface Edge {
  source: string;
  target: string;
  source_port?: string;
  target_port?: string;
  label?: string;
  kind?: "flow" | "conditional" | "fallback";
  points?: number[][];
}

/** A flow as it is drawn. Edges join nodes that lie in the same parent. */
export interface Graph {
  nodes: Node[];
  edges: Edge[];
}

export type Channel = "text" | "reasoning" | "tool_call";

/** Tokens a model was billed for. */
export interface Usage {
  input_tokens?: number;
  output_tokens?: number;
  total_tokens?: number;
}

/** An exception as data: the name of its class, its message, and its traceback as Python prints it. */
export interface ErrorInfo {
  type: string;
  message: string;
  traceback?: string;
}

/** A call a model asked for. `args` is the JSON text of the arguments. */
export interface ToolCall {
  index: number;
  args: string;
  id?: string;
  name?: string;
}

/** Which call of a message a fragment of arguments belongs to. `id` and `name` may come with the first one only. */
export interface ToolCallRef {
  index: number;
  id?: string;
  name?: string;
}

/** `seq` counts from 1 without gaps; `t` is seconds since the run started and never goes back. */
export interface Stamped {
  seq: number;
  t: number;
}

/** `span` is one execution of `node`: loops, maps, retries and `Send` give a node many. */
export interface OnSpan extends Stamped {
  node: string;
  span: string;
}

/** Always seq 1. `started_at` is ISO 8601 with the offset. */
export interface RunStarted extends Stamped {
  kind: "run.started";
  run_id: string;
  flow: string;
  name?: string;
  input: unknown;
  started_at: string;
  graph: Graph;
  format: number;
  tags?: string[];
}

/** Nodes and edges found while running. A node whose id is known replaces that node. */
export interface GraphChanged extends Stamped {
  kind: "graph.changed";
  nodes: Node[];
  edges: Edge[];
}

/**
 * `parent` is the span this one runs inside; `attempt` counts retries from 1; `index` is the place of this item
 * in a map or a fan-out, from 0.
 */
export interface NodeStarted extends OnSpan {
  kind: "node.started";
  parent?: string;
  attempt: number;
  index?: number;
  input?: unknown;
}

/**
 * Streamed tokens. `cuts` has the length of each token in code points; `dts` when each arrived, in milliseconds
 * relative to `t`: zero or less, since `t` is when the merged tokens entered the log.
 */
export interface NodeDelta extends OnSpan {
  kind: "node.delta";
  channel: Channel;
  text: string;
  cuts: number[];
  dts: number[];
  call?: ToolCallRef;
}

/** The whole text of a channel: it replaces what was streamed. */
export interface NodeText extends OnSpan {
  kind: "node.text";
  channel: "text" | "reasoning";
  text: string;
}

/** `duration` is seconds. `tool_calls` is given where the calls were not streamed; it replaces what was. */
export interface NodeFinished extends OnSpan {
  kind: "node.finished";
  output?: unknown;
  tool_calls?: ToolCall[];
  usage?: Usage;
  duration: number;
}

/** The span raised. `duration` is seconds. */
export interface NodeFailed extends OnSpan {
  kind: "node.failed";
  error: ErrorInfo;
  duration?: number;
}

/** The run ended, or went another way, and this node never started. */
export interface NodeSkipped extends Stamped {
  kind: "node.skipped";
  node: string;
  reason: string;
}

/** The span was stopped before its end. `duration` is seconds. */
export interface NodeCancelled extends OnSpan {
  kind: "node.cancelled";
  reason: string;
  duration?: number;
}

/** What this attempt said does not count (a retry or a fallback follows) but stays visible, struck through. */
export interface NodeRetracted extends OnSpan {
  kind: "node.retracted";
  reason?: string;
}

/** Something a person should read: a print, a record of `logging`, or a remark of ours. */
export interface Log extends Stamped {
  kind: "log";
  level: "debug" | "info" | "warning" | "error";
  message: string;
  node?: string;
  source?: string;
}

/** A teacher's note, on a node or on a moment (seconds) of the run. */
export interface Note extends Stamped {
  kind: "note";
  text: string;
  node?: string;
  moment?: number;
}

/** An answer that is offered, and what it is called. */
export interface Choice {
  title: string;
  value: unknown;
}

/**
 * A node asks a person. The run is "waiting" until every request has its `input.given`. `schema` is JSON Schema;
 * `choices` are answers to choose from, and `hint` says what another one does.
 */
export interface InputRequested extends OnSpan {
  kind: "input.requested";
  request: string;
  prompt: unknown;
  schema?: Record<string, unknown>;
  choices?: Choice[];
  hint?: string;
}

/** Somebody answered the request. */
export interface InputGiven extends OnSpan {
  kind: "input.given";
  request: string;
  value: unknown;
}

/** The run came to its end. `usage` is the sum over everything that was billed. */
export interface RunFinished extends Stamped {
  kind: "run.finished";
  output?: unknown;
  usage?: Usage;
}

/** The run raised. `node` is where, if that is known. */
export interface RunFailed extends Stamped {
  kind: "run.failed";
  error: ErrorInfo;
  node?: string;
}

/** Somebody stopped the run. */
export interface RunCancelled extends Stamped {
  kind: "run.cancelled";
  reason?: string;
}

export type Event =
  | RunStarted
  | GraphChanged
  | NodeStarted
  | NodeDelta
  | NodeText
  | NodeFinished
  | NodeFailed
  | NodeSkipped
  | NodeCancelled
  | NodeRetracted
  | Log
  | Note
  | InputRequested
  | InputGiven
  | RunFinished
  | RunFailed
  | RunCancelled;

/** One field of a flow's input form. `type` picks the control on the page. */
export interface Field {
  name: string;
  title: string;
  type: "text" | "number" | "integer" | "boolean" | "json" | "choice";
  required?: boolean;
  default?: unknown;
  choices?: unknown[];
  description?: string;
}

/** What the page asks for before a run: one text box (`text`), several fields (`fields`), or nothing (`none`). */
export interface Form {
  kind: "text" | "fields" | "none";
  fields: Field[];
  examples: unknown[];
  placeholder?: string;
}
