// Pan and zoom of the canvas: the transform, the pointers and the wheel. What is drawn is none of its business.
import { hypot, max, min } from "../short.ts";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PanZoom {
  x: number;
  y: number;
  zoom: number;
  /** False once somebody moved the canvas: from then on it is not fitted behind their back. */
  fitted: boolean;
  /** How much of the stage is covered, in px. */
  right: number;
  bottom: number;
  /** The part of the canvas that can be seen, in its own pixels. */
  visible(): Box;
  /** Shows all of `box`, not larger than life; its start, where that would be below the zoom `least`. */
  fit(box: Box, least?: number): void;
  centre(box: Box): void;
  /** Moves only as far as `box` needs to be seen. */
  reveal(box: Box): void;
  /** Zooms by a factor about a point of the stage; about its middle where none is given. */
  scale(factor: number, at?: Point): void;
}

interface Point {
  x: number;
  y: number;
}

const MIN_ZOOM = 0.02;
const MAX_ZOOM = 2;
const MARGIN = 24;

export function makePanZoom(stage: HTMLElement, moved: () => void): PanZoom {
  const room = () => ({ width: stage.clientWidth - pan.right, height: stage.clientHeight - pan.bottom });
  const by = (dx: number, dy: number) => {
    pan.x += dx;
    pan.y += dy;
    pan.fitted = false;
    moved();
  };
  const pan: PanZoom = {
    x: 0,
    y: 0,
    zoom: 1,
    fitted: true,
    right: 0,
    bottom: 0,
    visible: () => ({
      x: -pan.x / pan.zoom,
      y: -pan.y / pan.zoom,
      width: stage.clientWidth / pan.zoom,
      height: stage.clientHeight / pan.zoom,
    }),
    fit(box, least = MIN_ZOOM) {
      const { width, height } = room();
      if (width > 0 && height > 0 && box.width > 0) {
        const zoom = min((width - 2 * MARGIN) / box.width, (height - 2 * MARGIN) / box.height, 1);
        pan.zoom = max(zoom, least);
        pan.centre(box);
        pan.reveal(box);
        pan.fitted = true;
      }
    },
    centre(box) {
      const { width, height } = room();
      const { zoom } = pan;
      by(width / 2 - (box.x + box.width / 2) * zoom - pan.x, height / 2 - (box.y + box.height / 2) * zoom - pan.y);
    },
    reveal(box) {
      const { width, height } = room();
      const dx = shift(box.x * pan.zoom + pan.x, box.width * pan.zoom, width);
      const dy = shift(box.y * pan.zoom + pan.y, box.height * pan.zoom, height);
      if (dx || dy) {
        by(dx, dy);
      }
    },
    scale(factor, at = { x: stage.clientWidth / 2, y: stage.clientHeight / 2 }) {
      const zoom = min(MAX_ZOOM, max(MIN_ZOOM, pan.zoom * factor));
      const rest = 1 - zoom / pan.zoom;
      pan.zoom = zoom;
      by((at.x - pan.x) * rest, (at.y - pan.y) * rest);
    },
  };
  listen(stage, pan, by);
  return pan;
}

/** How far `start .. start + size` must move to lie inside `0 .. room`. */
export function shift(start: number, size: number, room: number): number {
  return start < MARGIN || size > room - 2 * MARGIN ? MARGIN - start : min(0, room - MARGIN - start - size);
}

/** A press that moves less than this (px) is a click. */
const SLACK = 4;
const NOT_TO_DRAG = "input,textarea,select,button,.lfw-question";

function listen(stage: HTMLElement, pan: PanZoom, by: (dx: number, dy: number) => void): void {
  const pointers = new Map<number, Point>();
  let dragged = 0;
  // The wheel zooms from a press on the canvas until the pointer leaves it: a reader can scroll past.
  let armed = false;
  const at = (event: MouseEvent): Point => {
    const { left, top } = stage.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const on = <K extends keyof HTMLElementEventMap>(
    name: K,
    act: (event: HTMLElementEventMap[K]) => void,
    options: AddEventListenerOptions = {},
  ) => stage.addEventListener(name, act, options);

  on(
    "wheel",
    (event) => {
      // A pinch on a touchpad arrives as a wheel with ctrl.
      if (event.ctrlKey || event.metaKey || armed) {
        event.preventDefault();
        const lines = event.deltaMode ? 16 : 1;
        pan.scale(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015)), at(event));
      }
    },
    { passive: false },
  );
  on("pointerdown", (event) => {
    if (!event.button && !(event.target as Element).closest(NOT_TO_DRAG)) {
      armed = true;
      dragged = 0;
      pointers.set(event.pointerId, at(event));
    }
  });
  on("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    const now = at(event);
    dragged += before ? hypot(now.x - before.x, now.y - before.y) : 0;
    if (before && dragged > SLACK) {
      // Captured only now: a press that is captured at once would never become a click on the card below it.
      stage.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, now);
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        pinch(pan, by, before, now, other);
      } else if (event.pointerType !== "touch") {
        by(now.x - before.x, now.y - before.y);
      }
    }
  });
  for (const end of ["pointerup", "pointercancel"] as const) {
    on(end, (event) => pointers.delete(event.pointerId));
  }
  on("pointerleave", () => {
    armed &&= pointers.size > 0;
  });
  // The click that ends a drag opens nothing.
  on(
    "click",
    (event) => {
      if (dragged > SLACK) {
        event.stopPropagation();
      }
      dragged = 0;
    },
    { capture: true },
  );
}

/** Two fingers: one stays, the other moved. One finger scrolls the page. */
function pinch(pan: PanZoom, by: (dx: number, dy: number) => void, before: Point, now: Point, other: Point): void {
  const was = hypot(before.x - other.x, before.y - other.y);
  by((now.x - before.x) / 2, (now.y - before.y) / 2);
  pan.scale(hypot(now.x - other.x, now.y - other.y) / max(was, 1), {
    x: (now.x + other.x) / 2,
    y: (now.y + other.y) / 2,
  });
}
