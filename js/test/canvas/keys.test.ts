import { describe, expect, it } from "vitest";
import { agent, parallel } from "../../dev/graphs.ts";
import { type Direction, neighbour } from "../../src/canvas/keys.ts";
import { sceneOf } from "../../src/canvas/scene.ts";

function walk(graph: Parameters<typeof sceneOf>[0], from: string, ...directions: Direction[]): string[] {
  const scene = sceneOf(graph);
  const path = [from];
  for (const direction of directions) {
    const at = scene.items.get(path.at(-1) as string);
    path.push((at && neighbour(at, direction, scene)?.id) ?? "nowhere");
  }
  return path;
}

describe("an arrow key", () => {
  it("to the right follows an edge, to the nearest of several", () => {
    expect(walk(parallel, "retriever", "right", "right", "right")).toEqual([
      "retriever",
      "joke/model",
      "parallel",
      "judge",
    ]);
  });

  it("to the left goes back along it", () => {
    expect(walk(parallel, "judge", "left", "left", "left")).toEqual([
      "judge",
      "parallel",
      "poem/model-2",
      "poem/model",
    ]);
  });

  it("up and down goes to what lies there", () => {
    expect(walk(parallel, "joke/model", "down", "down", "up")).toEqual([
      "joke/model",
      "poem/model",
      "poem/model-2",
      "poem/model",
    ]);
  });

  it("enters a frame, walks through it, and leaves it along the frame's own edge", () => {
    expect(walk(agent, "agent", "right", "right", "right")).toEqual([
      "agent",
      "tools",
      "tools/search",
      "tools/calculate",
    ]);
    expect(walk(agent, "tools/search", "left")).toEqual(["tools/search", "tools"]);
  });

  it("does not run round a loop", () => {
    expect(walk(agent, "tools/calculate", "right")).toEqual(["tools/calculate", "__end__"]);
  });

  it("stays where there is nothing", () => {
    expect(walk(parallel, "retriever", "left")).toEqual(["retriever", "nowhere"]);
  });
});
