// The canvas: cards over one SVG in a stage that pans and zooms. It writes at most once per animation frame, and only
// what can be seen.
import { h, s, setAttribute } from "../dom.ts";
import type { RunState } from "../model/state.ts";
import type { Graph } from "../model/types.gen.ts";
import { Card } from "./card.ts";
import { EdgeView, flowOf } from "./edges.ts";
import { Keys } from "./keys.ts";
import { Minimap } from "./minimap.ts";
import { type Box, PanZoom } from "./panzoom.ts";
import { type Item, overlaps, type Scene, sceneOf } from "./scene.ts";
import { zoomButtons } from "./zoombar.ts";

/** Below this zoom text cannot be read: bodies are hidden and tokens only counted, which is 32 times cheaper. */
const FAR = 0.45;
/** How often running clocks are written, in ms. */
const TICK = 100;

export interface Run {
  state: RunState | null;
  clock: number;
  lost: boolean;
}

export class Canvas {
  readonly element: HTMLElement;
  readonly pan: PanZoom;
  readonly #run: () => Run;
  readonly #viewport: HTMLElement;
  readonly #frames = h("div", { class: "lfw-layer" });
  readonly #cards = h("div", { class: "lfw-layer" });
  readonly #edges = s("g");
  readonly #empty = h("p", { class: "lfw-empty" }, "This flow has no nodes to draw.");
  readonly #minimap: Minimap;
  readonly #keys: Keys;
  readonly #views = new Map<string, Card>();
  #lines: EdgeView[] = [];
  #scene: Scene = sceneOf({ nodes: [], edges: [] });
  readonly #dirty = new Set<string>();
  #edgesDirty = false;
  #placed = false;
  #frame = 0;
  #selected = "";

  constructor(run: () => Run, open: (id: string) => void, signal: AbortSignal) {
    this.#run = run;
    const svg = s("svg", { class: "lfw-edges", "aria-hidden": "true" }, s("defs", {}, arrow()), this.#edges);
    this.#viewport = h("div", { class: "lfw-viewport" }, this.#frames, svg, this.#cards);
    // From afar until it is fitted: the first style of 1,000 cards then costs half (280 instead of 507 ms).
    const canvas = { class: "lfw-canvas lfw-far", role: "group", "aria-label": "Flow" };
    this.element = h("div", canvas, this.#viewport, this.#empty);
    this.pan = new PanZoom(this.element, () => this.#moved(), signal);
    this.#minimap = new Minimap(this.pan);
    this.#keys = new Keys(this.#cardsOf(), this.pan, open);
    this.element.append(
      this.#minimap.element,
      zoomButtons(this.pan, () => this.fit()),
    );
    this.element.addEventListener("keydown", (event) => this.#keys.press(event, this.#scene), { signal });
    this.element.addEventListener("click", (event) => this.#clicked(event, open), { signal });
    const sizes = new ResizeObserver(() => this.#resized());
    sizes.observe(this.element);
    const clock = setInterval(() => this.#tick(), TICK);
    signal.addEventListener("abort", () => {
      sizes.disconnect();
      clearInterval(clock);
      cancelAnimationFrame(this.#frame);
    });
  }

  /** Draws a graph. Cards that stay are kept, so that a node found while running moves nothing else. */
  draw(graph: Graph): void {
    this.#scene = sceneOf(graph);
    const { items } = this.#scene;
    for (const [id, card] of this.#views) {
      if (!alike(items.get(id), card.item)) {
        card.element.remove();
        this.#views.delete(id);
      }
    }
    const frames = [...items.values()].filter(({ shape }) => shape === "frame");
    const cards = [...items.values()].filter(({ shape }) => shape !== "frame");
    this.#frames.append(...frames.sort((a, b) => depth(a) - depth(b)).map((item) => this.#view(item)));
    this.#cards.append(...cards.filter(({ id }) => !this.#views.has(id)).map((item) => this.#view(item)));
    this.#lines = this.#scene.lines.map((line) => new EdgeView(line));
    this.#edges.replaceChildren(...this.#lines.map(({ element }) => element));
    this.#empty.hidden = items.size > 0;
    this.#minimap.draw(this.#scene);
    this.#keys.settle(this.#scene);
    setAttribute(
      this.element,
      "aria-label",
      `Flow with ${items.size} nodes. Arrow keys follow the edges, Enter opens.`,
    );
    if (this.pan.fitted) {
      this.fit();
    }
    this.mark(items.keys());
  }

  mark(ids: Iterable<string>): void {
    for (const id of ids) {
      this.#dirty.add(id);
      this.#frameOf(id);
    }
    this.#edgesDirty = true;
    this.#schedule();
  }

  markAll(): void {
    this.mark(this.#scene.items.keys());
  }

  fit(): void {
    this.pan.fit(this.#scene.box);
    this.#placed = this.element.clientWidth > 0;
  }

  select(id: string): void {
    this.#views.get(this.#selected)?.element.removeAttribute("aria-expanded");
    this.#selected = id;
    this.#views.get(id)?.element.setAttribute("aria-expanded", "true");
  }

  reveal(id: string): void {
    const item = this.#scene.items.get(id);
    if (item) {
      this.pan.reveal(item);
    }
  }

  focus(id: string): void {
    this.#keys.focus(id);
  }

  #view(item: Item): HTMLElement {
    let card = this.#views.get(item.id);
    if (!card) {
      card = new Card(item);
      this.#views.set(item.id, card);
    }
    return card.element;
  }

  #cardsOf(): (id: string) => HTMLElement | undefined {
    return (id) => this.#views.get(id)?.element;
  }

  /** A frame shows the state of a node of its own, and runs as long as what is in it. */
  #frameOf(id: string): void {
    for (let at = this.#scene.items.get(id)?.parent; at; at = at.parent) {
      this.#dirty.add(at.id);
    }
  }

  #schedule(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#write();
    });
  }

  #write(): void {
    const { state, clock, lost } = this.#run();
    const far = this.pan.zoom < FAR;
    const visible: Box = this.pan.visible;
    for (const id of this.#dirty) {
      const card = this.#views.get(id);
      if (!card || overlaps(card.item, visible)) {
        card?.write(state?.nodes.get(id), { clock, lost, far });
        this.#dirty.delete(id);
      }
    }
    if (this.#edgesDirty) {
      this.#edgesDirty = false;
      for (const line of this.#lines) {
        line.write(flowOf(line.line, state));
      }
      this.#minimap.write(state);
    }
  }

  #tick(): void {
    const { state } = this.#run();
    if (!state || state.ended) {
      return;
    }
    for (const node of state.nodes.values()) {
      if (node.open) {
        this.#dirty.add(state.card(node.id));
        this.#schedule();
      }
    }
  }

  #moved(): void {
    const { x, y, zoom } = this.pan;
    this.#viewport.style.transform = `translate(${x}px,${y}px) scale(${zoom})`;
    // Not as custom properties: these are inherited, so each step of a pan would style every card anew (72 ms, not 9).
    const grid = 24 * Math.max(zoom, 0.4);
    this.element.style.backgroundPosition = `${x}px ${y}px`;
    this.element.style.backgroundSize = `${grid}px ${grid}px`;
    const far = zoom < FAR;
    if (far !== this.element.classList.contains("lfw-far")) {
      this.element.classList.toggle("lfw-far", far);
      this.markAll();
    }
    this.#minimap.move();
    this.#schedule();
  }

  /** A widget in a hidden tab has no size at first; it is fitted when it gets one. */
  #resized(): void {
    if (this.element.clientWidth > 0 && (this.pan.fitted || !this.#placed)) {
      this.fit();
    }
    this.#minimap.move();
    this.#schedule();
  }

  #clicked(event: MouseEvent, open: (id: string) => void): void {
    const card = (event.target as Element).closest<HTMLElement>("[data-id]");
    if (card?.dataset.id) {
      this.#keys.focus(card.dataset.id);
      open(card.dataset.id);
    }
  }
}

/** By content, since every run brings the graph anew: its cards need not be made again. */
const alike = (a: Item | undefined, b: Item): boolean =>
  a?.shape === b.shape && JSON.stringify(a.node) === JSON.stringify(b.node);

const depth = (item: Item): number => (item.parent ? depth(item.parent) + 1 : 0);

function arrow(): SVGMarkerElement {
  const shape = s("path", { d: "M0 0L8 4L0 8z" });
  return s(
    "marker",
    { id: "lfw-arrow", viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 6, markerHeight: 6, orient: "auto" },
    shape,
  );
}
