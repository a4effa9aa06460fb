import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { parse, unpack } from "../../src/model/messages.ts";
import { makeRun } from "../../src/model/state.ts";
import type { Event } from "../../src/model/types.gen.ts";

const frame = (...events: unknown[]) => parse({ kind: "frame", run: "r", events });
const START = {
  seq: 1,
  t: 0,
  kind: "run.started",
  run_id: "r",
  flow: "f",
  input: null,
  started_at: "",
  graph: { nodes: [], edges: [] },
  format: 1,
};

afterEach(() => vi.restoreAllMocks());

describe("a message from the kernel", () => {
  it("is taken as it is", () => {
    const refused = { kind: "refused", request: "1", message: "No.", fields: ["topic"] };
    expect(parse(refused)).toMatchObject(refused);
    expect(parse({ kind: "beat", busy: true })).toMatchObject({ busy: true });
    expect(frame(START)).toMatchObject({ events: [START] });
  });

  it.each([
    null,
    "frame",
    [],
    {},
    { kind: "constructor" },
    { kind: "frame" },
    { kind: "frame", run: 1, events: [] },
    { kind: "frame", run: "r", events: {} },
    { kind: "frame", run: "r", events: [{ kind: "log" }] },
    { kind: "frame", run: "r", events: [{ seq: 1, t: Number.NaN, kind: "log" }] },
    { kind: "head", run: "r", seq: -1 },
    { kind: "refused", request: "1" },
  ])("is passed over where it is none: %j", (message) => {
    expect(parse(message)).toBeNull();
  });

  it("is never an exception", () => {
    fc.assert(
      fc.property(fc.anything(), (message) => {
        parse(message);
      }),
    );
  });
});

describe("an event", () => {
  const broken = [
    { kind: "node.delta", node: "n", span: "s", channel: "text", text: 5, cuts: [], dts: [] },
    { kind: "node.delta", node: "n", span: "s", channel: "__proto__", text: "x", cuts: [1], dts: [0] },
    { kind: "node.failed", node: "n", span: "s", error: "no object" },
    { kind: "graph.changed", nodes: [{ id: 1, title: "x" }], edges: [] },
    { kind: "input.requested", node: "n" },
    { kind: "toString" },
  ];

  it.each(broken)("that lacks something keeps its place and changes nothing: %j", (event) => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    const message = frame(
      START,
      { seq: 2, t: 1, ...event },
      { seq: 3, t: 2, kind: "log", level: "info", message: "on" },
    );
    const run = makeRun();
    for (const each of (message as { events: Event[] }).events) {
      run.apply(each);
    }
    expect([run.seq, run.logs.length, run.nodes.size]).toEqual([3, 1, 0]);
    expect(warned).toHaveBeenCalledTimes(event.kind === "toString" ? 0 : 1);
  });

  it("of a kind that is not known is kept and passed over", () => {
    const event = { seq: 2, t: 1, kind: "node.dreamt", node: "n" };
    expect(frame(START, event)).toMatchObject({ events: [START, event] });
  });
});

describe("events in a buffer", () => {
  const pack = (text: string) => new DataView(new TextEncoder().encode(text).buffer);

  it("become those of their message", () => {
    const message = unpack({ kind: "frame", run: "r" }, pack(JSON.stringify([START])));
    expect(parse(message)).toMatchObject({ kind: "frame", run: "r", events: [START] });
  });

  it("are passed over where they are no JSON", () => {
    expect(parse(unpack({ kind: "frame", run: "r" }, pack("[{")))).toBeNull();
  });
});
