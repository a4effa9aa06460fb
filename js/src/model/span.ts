// One execution of a node, as the fold keeps it.
import { Chunks } from "./text.ts";
import type { ErrorInfo, Event, NodeDelta, NodeStarted, ToolCall, ToolCallRef, Usage } from "./types.gen.ts";

export type SpanStatus = "running" | "waiting" | "finished" | "failed" | "cancelled";

/** A call a model asks for; `args` grows while it streams. */
export interface Call {
  index: number;
  id: string | null;
  name: string | null;
  args: Chunks;
}

export class Span {
  readonly id: string;
  readonly node: string;
  readonly parent: string | null;
  readonly attempt: number;
  readonly index: number | null;
  readonly start: number;
  readonly input: unknown;
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
  readonly children: Span[] = [];

  constructor(event: NodeStarted) {
    this.id = event.span;
    this.node = event.node;
    this.parent = event.parent ?? null;
    this.attempt = event.attempt ?? 1;
    this.index = event.index ?? null;
    this.start = event.t;
    this.input = event.input ?? null;
  }

  get open(): boolean {
    return this.status === "running" || this.status === "waiting";
  }

  delta(event: NodeDelta): void {
    this.chunks += event.cuts.length;
    this.firstToken ??= Math.max(0, event.t + (event.dts[0] ?? 0) / 1000 - this.start);
    if (event.channel === "tool_call") {
      this.#call(event.call ?? { index: 0 }).args.append(event.text);
    } else {
      this[event.channel].append(event.text);
    }
  }

  setCalls(calls: readonly ToolCall[]): void {
    this.calls.clear();
    for (const call of calls) {
      this.#call(call).args.replace(call.args);
    }
  }

  close(status: SpanStatus, event: Event & { duration?: number }): void {
    this.status = status;
    this.end = event.t;
    this.duration = event.duration ?? event.t - this.start;
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
