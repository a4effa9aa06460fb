// Where playback is, without a clock and without a page.
import { describe, expect, it } from "vitest";
import { Script } from "../../dev/script.ts";
import { nextStop } from "../../src/player/moments.ts";
import { makePlayhead } from "../../src/player/playhead.ts";
import { makeTape } from "../../src/player/tape.ts";

const GRAPH = { nodes: [{ id: "a", title: "A", type: "model" as const }], edges: [] };
/** Starts at 0, is silent for ten seconds, says four tokens in 0.4 s, ends. */
const tape = () =>
  makeTape(
    new Script(GRAPH)
      .start("a")
      .wait(10)
      .say("a", "one two three four", { pace: 0.1 })
      .finish("a")
      .add("run.finished", {}).events,
  );

describe("a playhead", () => {
  it("stands at the end at first", () => {
    const head = makePlayhead(tape());
    expect([head.step, head.clock]).toEqual([8, 10.4]);
  });

  it("shortens silences, and shows the time of the run all the same", () => {
    const head = makePlayhead(tape());
    head.seek(0.5);
    expect(head.clock).toBeCloseTo(5.05, 2);
    expect(head.end).toBeCloseTo(1.3, 5);
    head.shorten = false;
    head.retime();
    expect(head.end).toBeCloseTo(10.4, 5);
  });

  it("keeps what is shown when the pace changes", () => {
    const head = makePlayhead(tape());
    head.go(4);
    head.pace = "tokens";
    head.retime();
    expect(head.step).toBe(4);
    expect(head.clock).toBeCloseTo(10.2, 5);
  });

  it("gives every token the same time in slow motion", () => {
    const head = makePlayhead(tape());
    head.pace = "tokens";
    head.retime();
    const moments = [2, 3, 4, 5].map(head.moment);
    expect(new Set(moments.slice(1).map((at, i) => (at - (moments[i] as number)).toFixed(4))).size).toBe(1);
  });

  it("goes at its speed and stops at the end", () => {
    const head = makePlayhead(tape());
    head.go(0);
    head.speed = 2;
    expect(head.advance(0.25)).toBe(true);
    expect(head.at).toBeCloseTo(0.5, 5);
    expect(head.advance(9)).toBe(false);
    expect(head.step).toBe(8);
  });

  it("steps from token to token and from node event to node event, both ways", () => {
    const t = tape();
    expect(nextStop(t, 0, "token", 1)).toBe(3);
    expect(nextStop(t, 3, "token", 1)).toBe(4);
    expect(nextStop(t, 4, "token", -1)).toBe(3);
    expect(nextStop(t, 2, "node", 1)).toBe(7);
    expect(nextStop(t, 7, "node", -1)).toBe(2);
    expect(nextStop(t, 1, "node", -1)).toBe(0);
    expect(nextStop(t, 8, "node", 1)).toBe(8);
  });

  it("knows a run of nothing", () => {
    const head = makePlayhead(makeTape([]));
    expect([head.step, head.at, head.end, head.clock]).toEqual([0, 0, 0, 0]);
    expect(head.advance(1)).toBe(false);
  });
});
