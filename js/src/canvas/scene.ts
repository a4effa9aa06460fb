// A graph as the canvas needs it: what is a card, a frame or a pill, where it stands, which edges join what.
import type { Edge, Graph, Node, Port } from "../model/types.gen.ts";
import { max, min } from "../short.ts";
import type { Box } from "./panzoom.ts";

export type Shape = "card" | "frame" | "pill";

export interface Item extends Box {
  id: string;
  node: Node;
  shape: Shape;
  parent: Item | null;
  children: Item[];
  out: Line[];
  in: Line[];
}

/** An edge between two items that exist. */
export interface Line {
  edge: Edge;
  source: Item;
  target: Item;
}

export type Side = "inputs" | "outputs";
export type Point = readonly [x: number, y: number];

export interface Scene {
  items: Map<string, Item>;
  /** What is stuck to the canvas: it has no status, and no key leads to it. */
  notes: Item[];
  lines: Line[];
  box: Box;
}

const CARD = { width: 230, height: 132 };
const PILL = { width: 64, height: 32 };

export function sceneOf({ nodes, edges }: Graph): Scene {
  const items = new Map<string, Item>();
  const notes: Item[] = [];
  for (const node of nodes) {
    if (node.type === "note") {
      notes.push(itemOf(node));
    } else if (node.card !== false) {
      items.set(node.id, itemOf(node));
    }
  }
  nest(items);
  const lines = edges.flatMap((edge) => lineOf(edge, items) ?? []);
  const detours = edges.flatMap(({ points = [] }) => points.map(([x = 0, y = 0]) => ({ x, y, width: 0, height: 0 })));
  return { items, notes, lines, box: boundsOf([...items.values(), ...notes, ...detours]) };
}

function itemOf(node: Node): Item {
  const pill = node.type === "start" || node.type === "end";
  const size = pill ? PILL : CARD;
  return {
    id: node.id,
    node,
    shape: pill ? "pill" : "card",
    x: node.x ?? 0,
    y: node.y ?? 0,
    width: node.width ?? size.width,
    height: node.height ?? size.height,
    parent: null,
    children: [],
    out: [],
    in: [],
  };
}

function nest(items: Map<string, Item>): void {
  for (const item of items.values()) {
    const parent = items.get(item.node.parent ?? "");
    if (parent && parent !== item) {
      item.parent = parent;
      parent.children.push(item);
      parent.shape = "frame";
    }
  }
}

function lineOf(edge: Edge, items: Map<string, Item>): Line | null {
  const source = items.get(edge.source);
  const target = items.get(edge.target);
  if (!source || !target) {
    return null;
  }
  const line = { edge, source, target };
  source.out.push(line);
  target.in.push(line);
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
  item.node[side]?.find((port) => port.name === name);

/** How far down a side a port is, in pixels of the item; ports share the side evenly. */
export function portOffset(item: Item, side: Side, name: string | undefined): number {
  const ports: Port[] = item.node[side] ?? [];
  const at = ports.findIndex((port) => port.name === name);
  return at < 0 ? item.height / 2 : (item.height * (at + 1)) / (ports.length + 1);
}
