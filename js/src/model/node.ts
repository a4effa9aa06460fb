// What is known of one node of a run: its spans, and what follows from them.
import type { Call, Span, SpanStatus } from "./span.ts";
import type { Node, Usage } from "./types.gen.ts";

export type NodeStatus = "idle" | "skipped" | SpanStatus;

const USAGE_KEYS = ["input_tokens", "output_tokens", "total_tokens"] as const;

export class NodeState {
  declare readonly id: string;
  /** Its definition in the graph; none where an event names a node that no graph has. */
  def: Node | null = null;
  reason: string | null = null;
  passed = false;
  /** Its own spans, in the order they started. */
  readonly spans: Span[] = [];
  /** Its own spans and those of the nodes without a card below it, in the order they started. */
  group: Span[] = [];
  private going = 0;
  private asking = 0;

  constructor(id: string) {
    this.id = id;
  }

  /** Whether it is drawn as a card of its own. */
  get hasCard(): boolean {
    return this.def?.card ?? true;
  }

  get status(): NodeStatus {
    if (this.going > 0) {
      return "running";
    }
    if (this.asking > 0) {
      return "waiting";
    }
    return this.current?.status ?? (this.passed ? "skipped" : "idle");
  }

  get open(): boolean {
    return this.going + this.asking > 0;
  }

  /** Adds a span in its present status to the counts, or takes it out again. */
  count(span: Span, step: 1 | -1): void {
    if (span.status === "running") {
      this.going += step;
    } else if (span.status === "waiting") {
      this.asking += step;
    }
  }

  /** Itself, in whom these spans speak. */
  speaking(group: Span[]): NodeState {
    return Object.assign(Object.create(this), { group: group.sort((a, b) => a.began - b.began) });
  }

  /** The last span that counts; the last one where none does. */
  get current(): Span | undefined {
    return this.spans.findLast((span) => !span.retracted) ?? this.spans.at(-1);
  }

  /** The span that said something last, thought, or asked for tools: of those that count. */
  get said(): Span | undefined {
    return this.latest((span) => span.text.length);
  }

  get thought(): Span | undefined {
    return this.latest((span) => span.reasoning.length);
  }

  get asked(): Span | undefined {
    return this.latest((span) => span.calls.size);
  }

  private latest(has: (span: Span) => number): Span | undefined {
    return this.group.findLast((span) => !span.retracted && has(span) > 0);
  }

  get usage(): Usage | null {
    return sumUsage(this.group);
  }

  get tokens(): number {
    return sumTokens(this.group);
  }
}

/** Output tokens: span by span those that are known, else those counted. */
export function sumTokens(spans: Iterable<Span>): number {
  let sum = 0;
  for (const { usage, chunks } of spans) {
    sum += usage?.output_tokens ?? chunks;
  }
  return sum;
}

/** The tokens of all spans that know theirs; null where none does. */
export function sumUsage(spans: Iterable<{ usage?: Usage | null }>): Usage | null {
  let sum: Usage | null = null;
  for (const { usage } of spans) {
    for (const key of USAGE_KEYS) {
      const value = usage?.[key];
      if (value != null) {
        sum ??= {};
        sum[key] = (sum[key] ?? 0) + value;
      }
    }
  }
  return sum;
}

/** The calls of a span, by their place in the message. */
export const callsOf = (span: Span | undefined): Call[] =>
  [...(span?.calls.values() ?? [])].sort((a, b) => a.index - b.index);
