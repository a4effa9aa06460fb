// One execution of a node, as the fold keeps it.

import { max } from "../short.ts";
import { Chunks } from "./text.ts";
import type {
  ErrorInfo,
  Event,
  NodeCancelled,
  NodeDelta,
  NodeFailed,
  NodeFinished,
  NodeStarted,
  ToolCallRef,
  Usage,
} from "./types.gen.ts";

export type SpanStatus = "running" | "waiting" | "finished" | "failed" | "cancelled";

/** What the events that end a span carry, any of them. */
type Ending = Pick<NodeFinished, "t"> &
  Partial<Omit<NodeFinished, "kind">> &
  Partial<Omit<NodeFailed, "kind">> &
  Partial<Omit<NodeCancelled, "kind">>;

/** A call a model asks for; `args` grows while it streams. */
export interface Call {
  index: number;
  id: string | null;
  name: string | null;
  args: Chunks;
}

export class Span {
  // Declared: a field without a value would be written out, and each byte is stored.
  declare readonly id: string;
  declare readonly node: string;
  declare readonly parent: string | null;
  declare readonly attempt: number;
  declare readonly index: number | null;
  declare readonly began: number;
  declare readonly input: unknown;
  status: SpanStatus = "running";
  end: number | null = null;
  duration: number | null = null;
  output: unknown = null;
  error: ErrorInfo | null = null;
  usage: Usage | null = null;
  readonly text = new Chunks();
  readonly reasoning = new Chunks();
  readonly calls = new Map<number, Call>();
  firstToken: number | null = null;
  /** Tokens counted as they came. */
  chunks = 0;
  retracted = false;
  /** Spans that ran inside this one. */
  readonly inner: Span[] = [];

  constructor(event: NodeStarted) {
    this.id = event.span;
    this.node = event.node;
    this.parent = event.parent ?? null;
    this.attempt = event.attempt ?? 1;
    this.index = event.index ?? null;
    this.began = event.t;
    this.input = event.input ?? null;
  }

  get open(): boolean {
    return this.status === "running" || this.status === "waiting";
  }

  /** Takes in an event of this span. */
  apply(event: Event): void {
    switch (event.kind) {
      case "node.delta":
        return this.#delta(event);
      case "node.text":
        return this[event.channel].replace(event.text);
      case "node.retracted":
        this.retracted = true;
        return;
      case "node.finished":
      case "node.failed":
      case "node.cancelled":
        return this.#end(event.kind.slice(5) as SpanStatus, event);
    }
  }

  close(status: SpanStatus, t: number, duration?: number): void {
    this.status = status;
    this.end = t;
    this.duration = duration ?? t - this.began;
  }

  #delta(event: NodeDelta): void {
    this.chunks += event.cuts.length;
    this.firstToken ??= max(0, event.t + (event.dts[0] ?? 0) / 1000 - this.began);
    if (event.channel === "tool_call") {
      this.#call(event.call ?? { index: 0 }).args.append(event.text);
    } else {
      this[event.channel].append(event.text);
    }
  }

  #end(status: SpanStatus, event: Ending): void {
    this.close(status, event.t, event.duration);
    this.output = event.output === undefined ? this.output : event.output;
    this.error = event.error ?? this.error;
    this.usage = event.usage ?? this.usage;
    if (event.tool_calls?.length) {
      this.calls.clear();
      for (const call of event.tool_calls) {
        this.#call(call).args.append(call.args);
      }
    }
  }

  #call(ref: ToolCallRef): Call {
    let call = this.calls.get(ref.index);
    if (!call) {
      call = { index: ref.index, id: null, name: null, args: new Chunks() };
      this.calls.set(ref.index, call);
    }
    call.id ??= ref.id ?? null;
    call.name ??= ref.name ?? null;
    return call;
  }
}
