// The edges: one SVG under the cards, a path and perhaps a label for each.
import { s, setAttribute } from "../dom.ts";
import type { RunState } from "../model/state.ts";
import { type Line, portOffset } from "./scene.ts";

type Point = readonly [x: number, y: number];
export type Flow = "idle" | "active" | "taken" | "failed";

const LEAST_REACH = 24;

export class EdgeView {
  readonly line: Line;
  readonly element: SVGGElement;
  #flow: Flow | null = null;

  constructor(line: Line) {
    this.line = line;
    const { edge, source } = line;
    const stops = stopsOf(line);
    this.element = s(
      "g",
      { class: `lfw-edge lfw-edge-${edge.kind ?? "flow"}`, "data-source": edge.source, "data-target": edge.target },
      s("path", {
        class: "lfw-line",
        d: pathOf(stops),
        "data-type": source.node.type,
        "marker-end": "url(#lfw-arrow)",
      }),
      ...this.#words(stops),
    );
  }

  write(flow: Flow): void {
    if (flow !== this.#flow) {
      this.#flow = flow;
      setAttribute(this.element, "data-flow", flow);
    }
  }

  #words(stops: readonly Point[]): SVGTextElement[] {
    const { edge, target } = this.line;
    const end = stops.at(-1) as Point;
    const port = target.node.inputs?.find(({ name }) => name === edge.target_port);
    const title = port && (port.title ?? port.name);
    const words: SVGTextElement[] = [];
    if (title && title !== edge.label) {
      words.push(s("text", { class: "lfw-port-name", x: end[0] - 14, y: end[1] - 6, "text-anchor": "end" }, title));
    }
    if (edge.label) {
      const [x, y] = middleOf(stops);
      words.push(s("text", { class: "lfw-edge-label", x, y: y - 6, "text-anchor": "middle" }, edge.label));
    }
    return words;
  }
}

/** How an edge looks at this moment: active while what it leads to runs, taken once that has run after its source. */
export function flowOf(line: Line, run: RunState | null): Flow {
  const source = run?.nodes.get(line.source.id);
  const target = run?.nodes.get(line.target.id);
  if (!source || !target) {
    return "idle";
  }
  const pill = line.source.shape === "pill";
  const left = pill || source.status === "finished" || source.spans.length > 1;
  if (line.edge.kind === "fallback") {
    return target.spans.length > 0 ? (target.open ? "active" : "taken") : "idle";
  }
  if (line.target.shape === "pill") {
    return run?.status === "finished" && left && !pill ? "taken" : "idle";
  }
  if (!left || target.spans.length === 0) {
    return "idle";
  }
  return target.open ? "active" : "taken";
}

function stopsOf({ edge, source, target }: Line): Point[] {
  return [
    [source.x + source.width, source.y + portOffset(source, "outputs", edge.source_port)],
    ...(edge.points ?? []).map(([x = 0, y = 0]): Point => [x, y]),
    [target.x, target.y + portOffset(target, "inputs", edge.target_port)],
  ];
}

/** Leaves and arrives level; between two points of a detour it keeps to the straight line they were laid for. */
export function pathOf(stops: readonly Point[]): string {
  const [start, ...rest] = stops as [Point, ...Point[]];
  let [x1, y1] = start;
  let path = `M${x1} ${y1}`;
  for (const [x2, y2] of rest) {
    const reach = Math.max(LEAST_REACH, Math.abs(x2 - x1) / 2);
    path += y1 === y2 ? `L${x2} ${y2}` : `C${x1 + reach} ${y1} ${x2 - reach} ${y2} ${x2} ${y2}`;
    [x1, y1] = [x2, y2];
  }
  return path;
}

function middleOf(stops: readonly Point[]): Point {
  const at = Math.floor(stops.length / 2);
  const [a, b] = [stops[at - 1] as Point, stops[at] as Point];
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}
