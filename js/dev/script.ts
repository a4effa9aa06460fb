// Writes logs by hand: each helper adds one event, the clock goes on by itself.
import type { Event, Graph } from "../src/model/types.gen.ts";

type Body = Record<string, unknown>;

export class Script {
  readonly events: Event[] = [];
  t = 0;

  constructor(graph: Graph, input: unknown = "What is entropy?", flow = "Tutor", run = "run-1") {
    this.add("run.started", { run_id: run, flow, input, graph, format: 1, started_at: "2026-01-05T09:00:00+01:00" });
  }

  add(kind: string, body: Body = {}): this {
    this.events.push({ seq: this.events.length + 1, t: this.t, kind, ...body } as unknown as Event);
    return this;
  }

  wait(seconds: number): this {
    this.t = Math.round((this.t + seconds) * 1e6) / 1e6;
    return this;
  }

  start(node: string, more: Body = {}): this {
    return this.add("node.started", { node, span: node, attempt: 1, ...more });
  }

  /** Words of `text`, some to an event, as a model would say them. */
  say(node: string, text: string, { span = node, channel = "text", pace = 0.03, call }: SayOptions = {}): this {
    const words = text.match(/\s*\S+\s*?/gu) ?? [];
    for (let i = 0; i < words.length; i += 2) {
      const some = words.slice(i, i + 2);
      this.wait(pace * some.length);
      this.add("node.delta", {
        node,
        span,
        channel,
        text: some.join(""),
        cuts: some.map((word) => [...word].length),
        dts: some.map((_, j) => (j - some.length + 1) * 1000 * pace),
        ...(call ? { call } : {}),
      });
    }
    return this;
  }

  finish(node: string, more: Body = {}): this {
    return this.add("node.finished", { node, span: node, duration: 0.5, ...more });
  }
}

interface SayOptions {
  span?: string;
  channel?: string;
  pace?: number;
  call?: Body;
}
