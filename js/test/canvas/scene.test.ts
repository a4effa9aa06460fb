import { describe, expect, it } from "vitest";
import { pathOf, stopsOf } from "../../src/canvas/edges.ts";
import { boundsOf, overlaps, portOffset, sceneOf } from "../../src/canvas/scene.ts";
import type { Graph } from "../../src/model/types.gen.ts";

const GRAPH: Graph = {
  nodes: [
    { id: "a", title: "A", type: "model", x: 0, y: 0 },
    { id: "frame", title: "Frame", type: "graph", x: 300, y: 0, width: 300, height: 200 },
    { id: "frame/b", title: "B", type: "tool", parent: "frame", x: 320, y: 40 },
    { id: "hidden", title: "Hidden", type: "model", parent: "a", card: false },
    { id: "end", title: "end", type: "end", x: 700, y: 0 },
  ],
  edges: [
    { source: "a", target: "frame", points: [[250, 500]] },
    { source: "a", target: "gone" },
  ],
};
const item = (id: string) => sceneOf(GRAPH).items.get(id);

describe("a scene", () => {
  it("has a card, a frame or a pill for each node that has a card", () => {
    expect([item("a")?.shape, item("frame")?.shape, item("end")?.shape, item("hidden")]).toEqual([
      "card",
      "frame",
      "pill",
      undefined,
    ]);
  });

  it("knows what lies in what", () => {
    expect(item("frame/b")?.outer?.id).toBe("frame");
    expect(item("frame")?.inner.map(({ id }) => id)).toEqual(["frame/b"]);
  });

  it("leaves out an edge to nowhere", () => {
    expect(sceneOf(GRAPH).lines.map(({ goal }) => goal.id)).toEqual(["frame"]);
  });

  it("is as large as all that is drawn, detours too", () => {
    expect(sceneOf(GRAPH).box).toEqual({ x: 0, y: 0, width: 764, height: 500 });
    expect(boundsOf([])).toEqual({ x: 0, y: 0, width: 0, height: 0 });
  });

  it("knows what touches", () => {
    const box = { x: 0, y: 0, width: 10, height: 10 };
    expect(overlaps(box, { ...box, x: 9 })).toBe(true);
    expect(overlaps(box, { ...box, x: 10 })).toBe(false);
  });

  it("shares a side evenly between its ports", () => {
    const ports = sceneOf({
      nodes: [{ id: "a", title: "A", type: "parallel", height: 120, inputs: [{ name: "x" }, { name: "y" }] }],
      edges: [],
    }).items.get("a");
    expect(ports && ["x", "y", undefined].map((name) => portOffset(ports, "inputs", name))).toEqual([40, 80, 60]);
  });
});

describe("the line of an edge", () => {
  it("goes from port to port, by the points of its detour", () => {
    const [line] = sceneOf(GRAPH).lines;
    expect(line && stopsOf(line)).toEqual([
      [230, 66],
      [250, 500],
      [300, 100],
    ]);
  });

  it("is a curve through its points", () => {
    const start = [0, 0] as const;
    const detour = [100, 50] as const;
    const end = [200, 0] as const;
    expect(pathOf([start, detour])).toBe("M0 0C50 0 50 50 100 50");
    expect(pathOf([start, detour, end])).toBe("M0 0C50 0 50 50 100 50C150 50 150 0 200 0");
  });

  it("leads under the cards, round corners and all, where it goes back", () => {
    const path = pathOf([
      [500, 50],
      [520, 200],
      [80, 200],
      [100, 50],
    ]);
    expect(path).toBe(
      "M500 50L510 50Q520 50 520 64L520 186Q520 200 506 200L94 200Q80 200 80 186L80 64Q80 50 90 50L100 50",
    );
  });
});
