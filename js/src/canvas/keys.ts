// The keyboard on the canvas: one card can be tabbed to, arrows go along the edges.
import type { PanZoom } from "./panzoom.ts";
import type { Item, Scene } from "./scene.ts";

export type Direction = "right" | "left" | "up" | "down";

const ARROWS: Record<string, Direction> = {
  ArrowRight: "right",
  ArrowLeft: "left",
  ArrowUp: "up",
  ArrowDown: "down",
};
const STEP = 1.25;

export class Keys {
  readonly #element: (id: string) => HTMLElement | undefined;
  readonly #pan: PanZoom;
  readonly #open: (id: string) => void;
  #at = "";

  constructor(element: (id: string) => HTMLElement | undefined, pan: PanZoom, open: (id: string) => void) {
    this.#element = element;
    this.#pan = pan;
    this.#open = open;
  }

  /** Keeps exactly one item in the tab order, also when the graph changed. */
  settle(scene: Scene): void {
    const at = scene.items.has(this.#at) ? this.#at : (firstOf(scene)?.id ?? "");
    this.#rove(at);
  }

  focus(id: string): void {
    this.#rove(id);
    this.#element(id)?.focus({ preventScroll: true });
  }

  press(event: KeyboardEvent, scene: Scene): void {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.#handle(event, scene)) {
      return;
    }
    event.preventDefault();
  }

  #handle(event: KeyboardEvent, scene: Scene): boolean {
    const zoom = { "+": STEP, "=": STEP, "-": 1 / STEP }[event.key];
    if (zoom) {
      this.#pan.scale(zoom);
      return true;
    }
    if (event.key === "0") {
      this.#pan.fit(scene.box);
      return true;
    }
    const at = scene.items.get((event.target as HTMLElement).dataset?.id ?? "");
    return at ? this.#onItem(event.key, at, scene) : false;
  }

  #onItem(key: string, at: Item, scene: Scene): boolean {
    if (key === "Enter" || key === " ") {
      this.#open(at.id);
      return true;
    }
    const direction = ARROWS[key];
    const next = direction ? neighbour(at, direction, scene) : key === "Home" ? firstOf(scene) : undefined;
    if (next) {
      this.focus(next.id);
      this.#pan.reveal(next);
    }
    return Boolean(direction) || key === "Home";
  }

  #rove(id: string): void {
    this.#element(this.#at)?.setAttribute("tabindex", "-1");
    this.#at = id;
    this.#element(id)?.setAttribute("tabindex", "0");
  }
}

/** Where an arrow leads: right and left along the edges, else to what lies nearest that way. */
export function neighbour(at: Item, direction: Direction, scene: Scene): Item | undefined {
  if (direction === "right") {
    return ahead(at) ?? nearest(at, direction, scene);
  }
  if (direction === "left") {
    return behind(at) ?? nearest(at, direction, scene);
  }
  return nearest(at, direction, scene);
}

/** The next item: along an edge, into a frame's first card, or out of a frame and along its edge. Never backwards. */
function ahead(at: Item): Item | undefined {
  const inside = at.shape === "frame" ? leftmost(at.children) : undefined;
  if (inside) {
    return inside;
  }
  for (let from: Item | null = at; from; from = from.parent) {
    const x = from.x;
    const next = closest(
      from.out.map(({ target }) => target).filter((target) => target.x > x),
      at,
    );
    if (next) {
      return next;
    }
  }
  return undefined;
}

function behind(at: Item): Item | undefined {
  const x = at.x;
  const before = closest(
    at.in.map(({ source }) => source).filter((source) => source.x < x),
    at,
  );
  return before ?? at.parent ?? undefined;
}

function closest(items: readonly Item[], at: Item): Item | undefined {
  const away = (item: Item) => Math.abs(item.y + item.height / 2 - at.y - at.height / 2);
  return items.toSorted((a, b) => away(a) - away(b))[0];
}

/** What lies that way, mostly straight on: a step aside counts double. */
function nearest(at: Item, direction: Direction, scene: Scene): Item | undefined {
  const level = direction === "left" || direction === "right";
  const sign = direction === "right" || direction === "down" ? 1 : -1;
  let best: Item | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const item of scene.items.values()) {
    const dx = middleX(item) - middleX(at);
    const dy = middleY(item) - middleY(at);
    const along = sign * (level ? dx : dy);
    const aside = Math.abs(level ? dy : dx);
    if (item !== at && along > 0 && along + 2 * aside < least) {
      least = along + 2 * aside;
      best = item;
    }
  }
  return best;
}

const middleX = (item: Item): number => item.x + item.width / 2;
const middleY = (item: Item): number => item.y + item.height / 2;
const leftmost = (items: readonly Item[]): Item | undefined => items.toSorted((a, b) => a.x - b.x || a.y - b.y)[0];
const firstOf = (scene: Scene): Item | undefined => leftmost([...scene.items.values()].filter((item) => !item.parent));
