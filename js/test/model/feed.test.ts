// Frames may come in any order, twice, or not at all until they are asked for: the text is the same.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Script } from "../../dev/script.ts";
import { makeFeed } from "../../src/model/feed.ts";
import { toJson } from "../../src/model/json.ts";
import { makeRun } from "../../src/model/state.ts";
import type { Event } from "../../src/model/types.gen.ts";

const GRAPH = { nodes: [{ id: "model", title: "Model", type: "model" as const }], edges: [] };

function logOf(words: string[]): Event[] {
  const script = new Script(GRAPH).start("model");
  for (const text of words) {
    script.wait(0.01).add("node.delta", { node: "model", span: "model", channel: "text", text, cuts: [1], dts: [0] });
  }
  return script.finish("model").add("run.finished").events;
}

function folded(events: readonly Event[]): unknown {
  const run = makeRun();
  for (const event of events) {
    run.apply(event);
  }
  return toJson(run);
}

const log = fc.array(fc.string({ unit: "grapheme" }), { maxLength: 20 }).map(logOf);
/** A log, cut into frames that come in some order, some of them twice. */
const delivery = log.chain((events) =>
  fc.tuple(
    fc.constant(events),
    fc.array(fc.record({ from: fc.nat(events.length), size: fc.integer({ min: 1, max: 5 }) }), { maxLength: 30 }),
  ),
);

describe("the feed of a run", () => {
  it("ends in the same state however its frames came, once the gaps are filled", () => {
    fc.assert(
      fc.property(delivery, ([events, frames]) => {
        const feed = makeFeed();
        for (const { from, size } of frames) {
          feed.take(events.slice(from, from + size), 0);
        }
        feed.take(events.slice(feed.state.seq), 0);
        expect(toJson(feed.state)).toEqual(folded(events));
        expect(feed.behind).toBe(false);
      }),
    );
  });

  it("knows that it is behind while events before the last are missing", () => {
    const events = logOf(["a", "b"]);
    const feed = makeFeed();
    feed.take(events.slice(0, 1), 0);
    expect(feed.behind).toBe(false);
    feed.take(events.slice(2), 0);
    expect([feed.behind, feed.state.seq]).toEqual([true, 1]);
  });

  it("can still be filled after it held back all it may", () => {
    const events = logOf(Array.from({ length: 6000 }, () => "x"));
    const feed = makeFeed();
    feed.take(events.slice(1), 0);
    feed.take(events, 0);
    expect(feed.state.ended).toBe(true);
  });

  it("runs its clock from the event that came soonest", () => {
    const events = logOf(["a", "b"]);
    const feed = makeFeed();
    feed.take(events.slice(0, 2), 100.5);
    feed.take(events.slice(2, 3), 100.1);
    expect(feed.clock(102)).toBeCloseTo(1.91);
  });

  it("stops its clock where the run ended", () => {
    const events = logOf(["a"]);
    const feed = makeFeed();
    feed.take(events, 100);
    expect(feed.clock(200)).toBe(feed.state.duration);
  });
});
