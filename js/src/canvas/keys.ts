// The keyboard on the canvas: one card can be tabbed to, arrows go along the edges.

import type { PanZoom } from "./panzoom.ts";
import type { Item, Scene } from "./scene.ts";

export type Direction = "right" | "left" | "up" | "down";

export interface Keys {
  /** Keeps exactly one item in the tab order, also when the graph changed. */
  settle(): void;
  focus(id: string): void;
  press(event: KeyboardEvent): void;
}

export function makeKeys(
  sceneNow: () => Scene,
  elementOf: (id: string) => HTMLElement | undefined,
  pan: PanZoom,
  open: (id: string) => void,
  fit: () => void,
): Keys {
  let current = "";
  const rove = (id: string) => {
    elementOf(current)?.setAttribute("tabindex", "-1");
    current = id;
    elementOf(id)?.setAttribute("tabindex", "0");
  };
  const focus = (id: string) => {
    rove(id);
    elementOf(id)?.focus({ preventScroll: true });
  };
  const zoomed = (key: string): boolean => {
    const factor = { "+": 1.25, "=": 1.25, "-": 0.8 }[key];
    const isFit = key === "0";
    if (factor) {
      pan.scale(factor);
    } else if (isFit) {
      fit();
    }
    return isFit || Boolean(factor);
  };
  const moved = (key: string, at: Item): boolean => {
    if (key === "Enter" || key === " ") {
      open(at.id);
      return true;
    }
    const direction = key.startsWith("Arrow") && (key.slice(5).toLowerCase() as Direction);
    const next = direction && neighbour(at, direction, sceneNow());
    if (next) {
      focus(next.id);
      pan.reveal(next);
    }
    return Boolean(direction);
  };
  return {
    focus,
    settle: () => rove(sceneNow().items.has(current) ? current : (firstOf(sceneNow())?.id ?? "")),
    press(event) {
      const { target, key } = event;
      if (event.ctrlKey || event.metaKey || event.altKey || (target as Element).closest("input,textarea,select")) {
        return;
      }
      const at = sceneNow().items.get((target as HTMLElement).dataset.id ?? "");
      if (zoomed(key) || (at && moved(key, at))) {
        event.preventDefault();
      }
    },
  };
}

/** Where an arrow leads: right and left along the edges, else to what lies nearest that way. */
export function neighbour(at: Item, direction: Direction, scene: Scene): Item | undefined {
  const along = direction === "right" ? ahead(at) : direction === "left" ? behind(at) : undefined;
  return (
    along ??
    nearest(
      at,
      direction,
      scene.visible.filter((item) => item !== at.outer),
    )
  );
}

/** The next item: into a frame, along an edge, or out of a frame and along its edge. Never backwards. */
function ahead(at: Item): Item | undefined {
  let next = leftmost(at.inner);
  for (let from: Item | null = at; from && !next; from = from.outer) {
    next = nearest(
      at,
      "right",
      from.out.map(({ goal }) => goal),
    );
  }
  return next;
}

const behind = (at: Item): Item | undefined =>
  nearest(
    at,
    "left",
    at.in.map(({ origin }) => origin),
  ) ??
  at.outer ??
  undefined;

/** What lies that way, mostly straight on: a step aside counts double. */
function nearest(at: Item, direction: Direction, items: Iterable<Item>): Item | undefined {
  const level = direction === "left" || direction === "right";
  const sign = direction === "right" || direction === "down" ? 1 : -1;
  let best: Item | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const dx = middle(item, "x") - middle(at, "x");
    const dy = middle(item, "y") - middle(at, "y");
    const along = sign * (level ? dx : dy);
    const far = along + 2 * Math.abs(level ? dy : dx);
    if (along > 0 && far < least) {
      least = far;
      best = item;
    }
  }
  return best;
}

const middle = (item: Item, axis: "x" | "y"): number => item[axis] + (axis === "x" ? item.width : item.height) / 2;
const leftmost = (items: readonly Item[]): Item | undefined => items.toSorted((a, b) => a.x - b.x || a.y - b.y)[0];
const firstOf = (scene: Scene): Item | undefined => leftmost(scene.visible.filter(({ outer }) => !outer));
