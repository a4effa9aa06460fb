// The canvas: cards over one SVG in a stage that pans and zooms. It writes at most once per animation frame, and only
// what can be seen.
import { atEnd, button, d, h, listen, renew, s, setAttribute, toggle } from "../dom.ts";
import { icon } from "../icons.ts";
import type { Span } from "../model/span.ts";
import type { RunState } from "../model/state.ts";
import type { Graph } from "../model/types.gen.ts";
import { max, stringify, valuesOf } from "../short.ts";
import { type Card, makeCard, makeNote, portsOf } from "./card.ts";
import { drawEdge, writeEdge } from "./edges.ts";
import { makeKeys } from "./keys.ts";
import { makeMinimap } from "./minimap.ts";
import { makePanZoom } from "./panzoom.ts";
import { type Item, overlaps, type Scene, sceneOf } from "./scene.ts";

/** Below this zoom text cannot be read: bodies are hidden and tokens only counted, which is 32 times cheaper. */
const FAR = 0.45;
/** Below this zoom not even titles can: cards are plain blocks in the colour of their status. */
const VERY_FAR = 0.2;
/** A flow that is shown whole below this zoom is hard to read. It is shown from its start instead, at READING, and what
 * runs is brought in sight; one that is more than two views high is looked at as a whole. */
const READABLE = 0.6;
const READING = 0.8;
/** How often running clocks are written, in ms. */
const TICK = 100;

export interface Now {
  state: RunState | null;
  /** Seconds since the run started. */
  clock: number;
  /** The kernel is gone: what runs will never end. */
  lost: boolean;
}

export interface Canvas {
  element: HTMLElement;
  /** Draws a graph. Cards that stay are kept, so that a node found while running moves nothing else. */
  draw(graph: Graph): void;
  /** Says whose state changed; all, where none are named. */
  mark(ids?: Iterable<string>): void;
  /** Its place, also where it is folded into a group. */
  item(id: string): Item | undefined;
  /** Marks the card whose panel is open. */
  select(id: string): void;
  /** How much of the canvas the panel covers: its card is brought in sight, at the zoom at which one reads it. Without
   * a panel, what was fitted is fitted again. */
  cover(right: number, bottom: number, id: string): void;
  focus(id: string): void;
  /** Puts something on a card; while that is folded into a group, on the group's. Both may be made anew. */
  attach(id: string, element: HTMLElement): void;
  /** Brings a card to the middle, large enough to be used. */
  centre(id: string): void;
}

interface Options {
  now(): Now;
  /** Called in each frame, after the cards were written. */
  written(now: Now): void;
  open(id: string): void;
}

let widgets = 0;

export function makeCanvas({ now, written, open }: Options, signal: AbortSignal): Canvas {
  widgets += 1;
  const arrow = `lfw-arrow-${widgets}`;
  const [notes, frames, cards, edges] = [d("layer"), d("layer"), d("layer"), s("g")];
  const svg = s("svg", { class: "edges", "aria-hidden": "true" }, marker(arrow), edges);
  const viewport = d("viewport", notes, frames, svg, cards);
  const empty = h("p", { class: "empty" }, "This flow has no nodes to draw.");
  const element = h("div", { role: "group" }, viewport, empty);
  const views = new Map<string, Card>();
  const dirty = new Set<string>();
  let scene: Scene = sceneOf({ nodes: [], edges: [] });
  let graph: Graph = { nodes: [], edges: [] };
  const folded = new Set<string>();
  let selected = "";
  let frame = 0;
  let edgesDirty = false;
  /** Somebody asked for the whole flow. */
  let asked = false;
  /** The span that was followed last. */
  let leader = "";

  const pan = makePanZoom(element, () => moved());
  const minimap = makeMinimap(pan);
  const shownFor = (id: string) => scene.items.get(id)?.shown;
  /** Its element, or that of the folded group around it. */
  const elementOf = (id: string) => views.get(shownFor(id)?.id ?? "")?.element;
  const keys = makeKeys(
    () => scene,
    elementOf,
    pan,
    open,
    () => whole(),
  );
  const fit = () => {
    leader = "";
    pan.fit(scene.box);
    if (!asked && pan.zoom < READABLE && scene.box.height * READING < 2 * element.clientHeight) {
      pan.fit(scene.box, READING);
    }
  };
  /** Moves as little as `item` needs to be seen; that nobody moved the canvas stays true. */
  const reveal = (item: Item) => {
    const { fitted } = pan;
    pan.reveal(item);
    pan.fitted = fitted;
  };
  const whole = () => {
    asked = true;
    fit();
  };
  // From afar until it is fitted: the first style of 1,000 cards then costs half (262 instead of 514 ms).
  let far = true;
  element.className = "lfw-canvas lfw-far lfw-blocks";

  /** What a card tells of: its node; all that is folded into it speaks there, too. */
  const stateOf = (item: Item, nodes: RunState["nodes"] | undefined) => {
    const node = nodes?.get(item.id);
    const inside = item.folded ? valuesOf(scene.items).filter(({ shown }) => shown.id === item.id) : [];
    return item.folded ? node?.speaking(inside.flatMap(({ id }) => nodes?.get(id)?.group ?? [])) : node;
  };
  const write = () => {
    frame = 0;
    const moment = now();
    const visible = pan.visible();
    for (const id of dirty) {
      const card = views.get(id);
      if (!card || overlaps(card.item, visible)) {
        card?.write(stateOf(card.item, moment.state?.nodes), { ...moment, far });
        dirty.delete(id);
      }
    }
    if (edgesDirty) {
      edgesDirty = false;
      for (const [i, line] of scene.lines.entries()) {
        writeEdge(edges.children[i] as Element, line, moment.state);
      }
      minimap.write(moment.state);
    }
    written(moment);
  };
  const schedule = () => {
    frame ||= requestAnimationFrame(write);
  };
  const mark = (ids: Iterable<string> = scene.items.keys()) => {
    for (const id of ids) {
      dirty.add(shownFor(id)?.id ?? id);
    }
    edgesDirty = true;
    schedule();
  };
  const follow = (span: Span | undefined) => {
    const item = span && shownFor(now().state?.card(span.node) ?? "");
    if (item && pan.fitted && span.id !== leader) {
      leader = span.id;
      reveal(item);
    }
  };
  const tick = () => {
    const { state } = now();
    if (state && !state.ended) {
      const running = valuesOf(state.nodes).filter(({ open: some }) => some);
      mark(running.map(({ id }) => state.card(id)));
      follow(running.flatMap(({ current }) => current ?? []).sort((a, b) => b.began - a.began)[0]);
    }
  };
  const moved = () => {
    const { x, y, zoom } = pan;
    viewport.style.transform = `translate(${x}px,${y}px) scale(${zoom})`;
    // Not as custom properties: these are inherited, so each step of a pan would style every card anew (72 ms, not 9).
    const grid = 24 * max(zoom, 0.4);
    element.style.backgroundPosition = `${x}px ${y}px`;
    element.style.backgroundSize = `${grid}px ${grid}px`;
    toggle(element, "blocks", zoom < VERY_FAR);
    if (far !== zoom < FAR) {
      far = zoom < FAR;
      toggle(element, "far", far);
      mark();
    }
    minimap.move();
    schedule();
  };
  const view = (item: Item): Node[] => {
    const known = views.has(item.id);
    const card = views.get(item.id) ?? makeCard(item);
    views.set(item.id, card);
    return known ? [] : [card.element];
  };

  element.append(minimap.element, zoomButtons(pan.scale, whole));
  listen(element, "keydown", keys.press);
  listen(element, "click", ({ target }: Event) => {
    const inside = (name: string) => (target as Element).closest<HTMLElement>(name);
    const id = !inside(".lfw-question") && inside("[data-id]")?.dataset.id;
    if (id && inside(".lfw-fold")) {
      fold(id);
    } else if (id) {
      keys.focus(id);
      open(id);
    }
  });
  // A widget in a hidden tab has no size at first; it is fitted when it gets one.
  const sizes = new ResizeObserver(() => (pan.fitted ? fit() : moved()));
  sizes.observe(element);
  const clock = setInterval(tick, TICK);
  atEnd(signal, () => {
    sizes.disconnect();
    clearInterval(clock);
    cancelAnimationFrame(frame);
  });

  const fold = (id: string) => {
    if (!folded.delete(id)) {
      folded.add(id);
    }
    draw(graph);
    elementOf(id)?.querySelector("button")?.focus();
  };
  const select = (id: string) => {
    elementOf(selected)?.removeAttribute("aria-expanded");
    elementOf(id)?.setAttribute("aria-expanded", "true");
    selected = id;
  };
  const draw = (next: Graph) => {
    const before = stringify(scene.box);
    graph = next;
    scene = sceneOf(graph, folded);
    for (const [id, card] of views) {
      if (drawnFrom(scene.items.get(id)) !== drawnFrom(card.item)) {
        card.element.remove();
        views.delete(id);
      }
    }
    const items = scene.visible;
    const framed = items.filter(({ shape }) => shape === "frame").sort((a, b) => depth(a) - depth(b));
    renew(notes, ...scene.notes.map(makeNote));
    frames.append(...framed.flatMap(view));
    cards.append(...items.filter(({ shape }) => shape !== "frame").flatMap(view));
    renew(edges, ...scene.lines.map((line) => drawEdge(line, arrow)));
    empty.hidden = items.length + scene.notes.length > 0;
    setAttribute(element, "aria-label", `Flow, ${items.length} nodes. Arrow keys follow the edges, Enter opens.`);
    select(selected);
    minimap.draw(scene);
    keys.settle();
    if (pan.fitted && stringify(scene.box) !== before) {
      fit();
    }
    mark();
  };

  return {
    element,
    draw,
    mark,
    item: (id) => scene.items.get(id),
    focus: keys.focus,
    select,
    cover(right, bottom, id) {
      Object.assign(pan, { right, bottom });
      const item = shownFor(id);
      if (item) {
        reveal(item);
      } else if (pan.fitted) {
        fit();
      }
      schedule();
    },
    attach: (id, child) => elementOf(id)?.append(child),
    centre(id) {
      const item = shownFor(id);
      if (item) {
        pan.zoom = max(pan.zoom, 1);
        pan.centre(item);
      }
    },
  };
}

/** By content, since every run brings the graph anew: its cards need not be made again. */
const drawnFrom = (item: Item | undefined): string | undefined =>
  item && stringify([item.shape, item.x, item.y, item.shown.id, item.def, portsOf(item)]);

const depth = (item: Item): number => (item.outer ? depth(item.outer) + 1 : 0);

function zoomButtons(scale: (factor: number) => void, fit: () => void): HTMLElement {
  return d(
    "zoom",
    button("Zoom in (+, Ctrl and wheel)", () => scale(1.25), {}, icon("plus")),
    button("Zoom out (-)", () => scale(0.8), {}, icon("minus")),
    button("Fit the whole flow (0)", fit, {}, icon("fit")),
  );
}

function marker(id: string): SVGMarkerElement {
  const size = { viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 6, markerHeight: 6 };
  return s("marker", { id, orient: "auto", ...size }, s("path", { class: "arrow", d: "M0 0L8 4L0 8z" }));
}
