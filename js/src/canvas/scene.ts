// A graph as the canvas needs it: what is a card, a frame or a pill, where it stands, which edges join what; and what
// of it is shown while groups are folded.
import type { Edge, Graph, Node, Port } from "../model/types.gen.ts";
import { max, min, stringify, valuesOf } from "../short.ts";
import type { Box } from "./panzoom.ts";

export type Shape = "card" | "frame" | "pill";

export interface Item extends Box {
  id: string;
  def: Node;
  shape: Shape;
  outer: Item | null;
  /** Those that are shown in it. */
  inner: Item[];
  /** What stands for it: itself, or the outermost folded group around it. */
  shown: Item;
  /** A group that is drawn as a card, since its nodes are hidden. */
  folded: boolean;
  out: Line[];
  in: Line[];
}

/** An edge between two items that are shown. */
export interface Line {
  edge: Edge;
  origin: Item;
  goal: Item;
}

export type Side = "inputs" | "outputs";
export type Point = readonly [x: number, y: number];

export interface Scene {
  /** By id, also those that are hidden. */
  items: Map<string, Item>;
  visible: Item[];
  /** What is stuck to the canvas: it has no status, and no key leads to it. */
  notes: Item[];
  lines: Line[];
  box: Box;
}

const CARD = { width: 230, height: 132 };
const PILL = { width: 64, height: 32 };

/** `folded` are ids of groups. What is hidden in them keeps its room, so nothing else moves. */
export function sceneOf({ nodes, edges }: Graph, folded: ReadonlySet<string> = new Set()): Scene {
  const items = new Map<string, Item>();
  const notes: Item[] = [];
  for (const node of nodes) {
    if (node.type === "note") {
      notes.push(itemOf(node));
    } else if (node.card !== false) {
      items.set(node.id, itemOf(node));
    }
  }
  const detours = edges.flatMap(({ points = [] }) => points.map(([x = 0, y = 0]) => ({ x, y, width: 0, height: 0 })));
  const box = boundsOf([...items.values(), ...notes, ...detours]);
  nest(items, notes, folded);
  const lifted = new Set<string>();
  const lines = edges.flatMap((edge) => lineOf(edge, items, lifted) ?? []);
  return { items, visible: valuesOf(items).filter(isShown), notes: notes.filter(isShown), lines, box };
}

const isShown = (item: Item): boolean => item.shown === item;

function itemOf(def: Node): Item {
  const pill = def.type === "start" || def.type === "end";
  const size = pill ? PILL : CARD;
  const item = {
    id: def.id,
    def,
    shape: pill ? "pill" : "card",
    x: def.x ?? 0,
    y: def.y ?? 0,
    width: def.width ?? size.width,
    height: def.height ?? size.height,
    outer: null,
    inner: [],
    folded: false,
    out: [],
    in: [],
  } as unknown as Item;
  item.shown = item;
  return item;
}

function nest(items: Map<string, Item>, notes: Item[], folded: ReadonlySet<string>): void {
  const all = [...items.values(), ...notes];
  for (const item of all) {
    const outer = items.get(item.def.parent ?? "");
    item.outer = (outer !== item && outer) || null;
  }
  for (const item of all) {
    const { outer } = item;
    item.shown = standIn(item, folded);
    if (!isShown(item)) {
      Object.assign(item.shown, CARD, { folded: true });
    } else if (outer && item.def.type !== "note") {
      outer.inner.push(item);
      outer.shape = "frame";
    }
  }
}

function standIn(item: Item, folded: ReadonlySet<string>): Item {
  const { outer } = item;
  const around = outer && standIn(outer, folded);
  return around && (around !== outer || folded.has(outer.id)) ? around : item;
}

/** An edge of a node that is hidden ends at what stands for it. Then it says no more than that one leads to the other,
 * which is said once. */
function lineOf(edge: Edge, items: Map<string, Item>, lifted: Set<string>): Line | null {
  const [source, target] = [items.get(edge.source), items.get(edge.target)];
  const [origin, goal] = [source?.shown, target?.shown];
  if (!origin || !goal) {
    return null;
  }
  const line = { edge, origin, goal };
  if (origin !== source || goal !== target) {
    line.edge = { source: origin.id, target: goal.id };
    const key = stringify(line.edge);
    if (origin === goal || lifted.has(key)) {
      return null;
    }
    lifted.add(key);
  }
  origin.out.push(line);
  goal.in.push(line);
  return line;
}

export function boundsOf(boxes: readonly Box[]): Box {
  if (boxes.length === 0) {
    return { x: 0, y: 0, width: 0, height: 0 };
  }
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const box of boxes) {
    left = min(left, box.x);
    top = min(top, box.y);
    right = max(right, box.x + box.width);
    bottom = max(bottom, box.y + box.height);
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}

export const overlaps = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

export const portOf = (item: Item, side: Side, name: string | undefined): Port | undefined =>
  item.def[side]?.find((port) => port.name === name);

/** How far down a side a port is, in pixels of the item; ports share the side evenly. */
export function portOffset(item: Item, side: Side, name: string | undefined): number {
  const ports: Port[] = item.def[side] ?? [];
  const at = ports.findIndex((port) => port.name === name);
  return at < 0 ? item.height / 2 : (item.height * (at + 1)) / (ports.length + 1);
}
