// The edges: one SVG under the cards, a path and perhaps some words for each.
import { s, setAttribute } from "../dom.ts";
import { paint } from "../icons.ts";
import type { RunState } from "../model/state.ts";
import { hypot, max, min, round } from "../short.ts";
import { type Line, type Point, portOf, portOffset } from "./scene.ts";

/** `arrow` is the id of the marker at the end of the line. */
export function drawEdge(line: Line, arrow: string): SVGGElement {
  const { edge, origin, goal } = line;
  const stops = stopsOf(line);
  const color = portOf(origin, "outputs", edge.source_port)?.color;
  const port = portOf(goal, "inputs", edge.target_port);
  const title = port && (port.title ?? port.name);
  const [x, y] = stops.at(-1) as Point;
  const [middleX, middleY] = middleOf(stops);
  return s(
    "g",
    { class: `edge lfw-edge-${edge.kind ?? "flow"}`, "data-type": origin.def.type, style: color && paint(color) },
    s("path", { class: "line", d: pathOf(stops), "marker-end": `url(#${arrow})` }),
    title && title !== edge.label && words("port-name", title, x - 14, y - 6, "end"),
    edge.label && words("edge-label", edge.label, middleX, middleY - 6, "middle"),
  );
}

const words = (name: string, text: string, x: number, y: number, anchor: string) =>
  s("text", { class: name, x, y, "text-anchor": anchor }, text);

/** How an edge looks at this moment: active while what it leads to runs, taken once that ran after its source. */
export function writeEdge(element: Element, line: Line, run: RunState | null): void {
  setAttribute(element, "data-flow", run ? flowOf(line, run) : "idle");
}

export function flowOf({ edge, origin, goal }: Line, run: RunState): "idle" | "active" | "taken" {
  const before = run.nodes.get(origin.id);
  const after = run.nodes.get(goal.id);
  const left = origin.shape === "pill" || before?.status === "finished" || (before?.spans.length ?? 0) > 1;
  if (goal.shape === "pill") {
    return left && run.status === "finished" ? "taken" : "idle";
  }
  if (!after?.spans.length || !(left || edge.kind === "fallback")) {
    return "idle";
  }
  return after.open ? "active" : "taken";
}

export function stopsOf({ edge, origin, goal }: Line): Point[] {
  return [
    [origin.x + origin.width, origin.y + portOffset(origin, "outputs", edge.source_port)],
    ...(edge.points ?? []).map(([x = 0, y = 0]): Point => [x, y]),
    [goal.x, goal.y + portOffset(goal, "inputs", edge.target_port)],
  ];
}

const ROUND = 14;

/** As lfwidget/record/svg.py draws it: a line that goes back leads under the cards with round corners, any other is a
 * curve through all points, level at each. */
export function pathOf(stops: readonly Point[]): string {
  const [start, first] = stops as [Point, Point];
  const [last, end] = stops.slice(-2) as [Point, Point];
  let path = `M${start.join(" ")}`;
  if (stops.length > 2 && first[0] > last[0]) {
    const bends: Point[] = [start, [first[0], start[1]], first, last, [last[0], end[1]], end];
    for (let i = 1; i < 5; i += 1) {
      const [before, at, after] = bends.slice(i - 1) as [Point, Point, Point];
      path += `L${towards(at, before)}Q${at.join(" ")} ${towards(at, after)}`;
    }
    return `${path}L${end.join(" ")}`;
  }
  stops.slice(1).forEach(([x, y], i) => {
    const [beforeX, beforeY] = stops[i] as Point;
    const reach = max(24, Math.abs(x - beforeX) / 2);
    path += `C${beforeX + reach} ${beforeY} ${x - reach} ${y} ${x} ${y}`;
  });
  return path;
}

/** The place on the way from a corner to the next point where its rounding begins. */
function towards([x, y]: Point, [x2, y2]: Point): string {
  const away = hypot(x2 - x, y2 - y);
  const part = min(ROUND, away / 2) / (away || 1);
  return `${round(x + (x2 - x) * part)} ${round(y + (y2 - y) * part)}`;
}

function middleOf(stops: readonly Point[]): Point {
  const at = Math.floor(stops.length / 2);
  const [a, b] = [stops[at - 1] as Point, stops[at] as Point];
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}
