// A tape wound anywhere has the state that the fold has there, and its end is the end of the log.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Script } from "../../dev/script.ts";
import { toJson } from "../../src/model/json.ts";
import { makeRun, type RunState } from "../../src/model/state.ts";
import type { Event } from "../../src/model/types.gen.ts";
import { makeTape } from "../../src/player/tape.ts";
import { eventsOf, names } from "../golden.ts";

const GRAPH = {
  nodes: ["a", "b"].map((id) => ({ id, title: id, type: "model" as const })),
  edges: [],
};

/** All of a state but what counts events and says when: a tape has more events, and at other times. */
function json(run: RunState): unknown {
  const { seq, t, ...rest } = toJson(run) as Record<string, unknown>;
  return JSON.parse(JSON.stringify(rest, (key, value) => (key === "seq" ? undefined : value)));
}

function folded(events: readonly Event[]): unknown {
  const run = makeRun();
  for (const event of events) {
    run.apply(event);
  }
  return json(run);
}

/** Two models that speak at once, in merged deltas: what each says, cut into tokens. */
const words = fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 4 }), { maxLength: 12 });
const talk = fc.array(fc.record({ node: fc.constantFrom("a", "b"), tokens: words, wait: fc.nat(80) }), {
  maxLength: 12,
});
const log = talk.map((turns) => {
  const script = new Script(GRAPH).start("a").start("b");
  for (const { node, tokens, wait } of turns) {
    script.wait(wait / 1000).add("node.delta", {
      node,
      span: node,
      channel: "text",
      text: tokens.join(""),
      cuts: tokens.map((token) => [...token].length),
      dts: tokens.map((_, i) => 3 * (i - tokens.length)),
    });
  }
  return script.finish("a").finish("b").add("run.finished").add("note", { text: "early", moment: 0.01 }).events;
});

describe("a tape", () => {
  it.each(names)("of %s ends as the log does", (name) => {
    const tape = makeTape(eventsOf(name));
    expect(json(tape.whole)).toEqual(folded(eventsOf(name)));
  });

  it("ends as the log does, whoever speaks when", () => {
    fc.assert(
      fc.property(log, (events) => {
        expect(json(makeTape(events).whole)).toEqual(folded(events));
      }),
    );
  });

  it("has the same state wherever it is wound from", () => {
    fc.assert(
      fc.property(log, fc.array(fc.nat(60), { maxLength: 8 }), (events, stops) => {
        const tape = makeTape(events);
        for (const stop of stops) {
          expect(json(tape.wind(stop))).toEqual(json(makeTape(events).wind(stop)));
        }
      }),
    );
  });

  it("goes on token by token", () => {
    const { events } = new Script(GRAPH).start("a").say("a", "one two 🌍 地球").finish("a").add("run.finished");
    const tape = makeTape(events);
    const said = Array.from({ length: tape.length }, (_, i) => String(tape.wind(i).nodes.get("a")?.said?.text ?? ""));
    expect([...new Set(said)]).toEqual(["", "one", "one two", "one two 🌍", "one two 🌍 地球"]);
  });

  it("never goes back in time, though tokens entered the log later than they came", () => {
    fc.assert(
      fc.property(log, (events) => {
        const { times } = makeTape(events);
        expect([...times]).toEqual([...times].sort((a, b) => a - b));
      }),
    );
  });

  it("puts tokens of models that speak at once back where they came", () => {
    const delta = (node: string, text: string, dts: number[]) => ({
      ...{ node, span: node, channel: "text", text },
      ...{ cuts: [...text].map(() => 1), dts },
    });
    const { events } = new Script(GRAPH)
      .start("a")
      .start("b")
      .wait(0.03)
      .add("node.delta", delta("a", "xx", [-20, -10]))
      .add("node.delta", delta("b", "yy", [-25, -15]));
    const tape = makeTape(events);
    const order = Array.from({ length: 4 }, (_, i) => (tape.event(3 + i) as { node: string }).node);
    expect(order).toEqual(["b", "a", "b", "a"]);
  });

  it("shows a note at its moment, when its node begins, or when it was written, and never after the end", () => {
    const script = new Script(GRAPH).wait(1).start("a").wait(1).finish("a").add("run.finished").wait(9);
    script.add("note", { text: "at", moment: 0.5 }).add("note", { text: "node", node: "a" });
    const { events } = script.add("note", { text: "written" });
    const tape = makeTape(events);
    const at = Array.from({ length: tape.length }, (_, i) => [tape.event(i), tape.times[i]] as const)
      .filter(([{ kind }]) => kind === "note")
      .map(([note, time]) => [(note as { text: string }).text, time]);
    expect(at).toEqual([
      ["at", 0.5],
      ["node", 1],
      ["written", 2],
    ]);
  });

  it("takes a log without its end, and one of nothing", () => {
    expect(makeTape(new Script(GRAPH).start("a").events).whole.status).toBe("running");
    expect(makeTape([]).length).toBe(0);
  });
});
