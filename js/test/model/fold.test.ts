// The fold against the logs that Python must meet too.
import { describe, expect, it } from "vitest";
import { toJson } from "../../src/model/json.ts";
import { makeRun } from "../../src/model/state.ts";
import type { Event } from "../../src/model/types.gen.ts";
import { eventsOf, names, stateOf } from "../golden.ts";

describe("the fold of a run", () => {
  it("has golden logs to meet", () => {
    expect(names.length).toBeGreaterThan(10);
  });

  it.each(names)("makes of %s what Python makes of it", (name) => {
    const run = makeRun();
    for (const event of eventsOf(name)) {
      expect(run.apply(event)).toBe(true);
    }
    expect(JSON.parse(JSON.stringify(toJson(run)))).toEqual(stateOf(name));
  });

  it.each(names)("takes every event of %s only once", (name) => {
    const run = makeRun();
    for (const event of eventsOf(name)) {
      run.apply(event);
      expect(run.apply(event)).toBe(false);
    }
    expect(JSON.parse(JSON.stringify(toJson(run)))).toEqual(stateOf(name));
  });

  it("refuses an event that leaves a gap", () => {
    const [first, , third] = eventsOf("loop");
    const run = makeRun();
    run.apply(first as Event);
    expect(() => run.apply(third as Event)).toThrow("event 3 came after 1");
  });

  it("names the cards that changed", () => {
    const run = makeRun();
    for (const event of eventsOf("cardless")) {
      run.apply(event);
    }
    const cards = [...run.nodes.values()].filter((node) => node.hasCard).map((node) => node.id);
    expect(run.touched.size).toBeGreaterThan(0);
    expect(cards).toEqual(expect.arrayContaining([...run.touched]));
  });

  it("rounds as Python does, half way to even", () => {
    const run = makeRun();
    const graph = { nodes: [], edges: [] };
    const common = { run_id: "r", flow: "f", input: null, started_at: "", graph, format: 1 };
    run.apply({ seq: 1, t: 1 / 128, kind: "run.started", ...common });
    expect(toJson(run).t).toBe(0.007812);
    run.apply({ seq: 2, t: 3 / 128, kind: "log", level: "info", message: "" });
    expect(toJson(run).t).toBe(0.023438);
  });
});
