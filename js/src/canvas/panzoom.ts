// Pan and zoom of the canvas: the transform, the pointers and the wheel. What is drawn is none of its business.

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Insets {
  top: number;
  right: number;
  bottom: number;
  left: number;
}

export const MIN_ZOOM = 0.05;
export const MAX_ZOOM = 2;
const MARGIN = 24;
/** A press that moves less than this (px) is a click. */
const SLACK = 4;

export class PanZoom {
  x = 0;
  y = 0;
  zoom = 1;
  /** False once somebody moved the canvas: from then on it is not fitted behind their back. */
  fitted = true;
  insets: Insets = { top: 0, right: 0, bottom: 0, left: 0 };
  readonly #stage: HTMLElement;
  readonly #moved: () => void;
  readonly #pointers = new Map<number, { x: number; y: number }>();
  #dragged = 0;
  /** The wheel zooms from a press on the canvas until the pointer leaves it, so a notebook scrolls past. */
  #armed = false;

  constructor(stage: HTMLElement, moved: () => void, signal: AbortSignal) {
    this.#stage = stage;
    this.#moved = moved;
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false, signal });
    stage.addEventListener("pointerdown", (event) => this.#down(event), { signal });
    stage.addEventListener("pointermove", (event) => this.#move(event), { signal });
    stage.addEventListener("click", (event) => this.#click(event), { capture: true, signal });
    stage.addEventListener("pointerleave", () => this.#disarm(), { signal });
    for (const end of ["pointerup", "pointercancel"] as const) {
      stage.addEventListener(end, (event) => this.#pointers.delete(event.pointerId), { signal });
    }
  }

  get dragging(): boolean {
    return this.#dragged > SLACK;
  }

  /** The part of the canvas that can be seen, in its own pixels. */
  get visible(): Box {
    const { clientWidth, clientHeight } = this.#stage;
    return {
      x: -this.x / this.zoom,
      y: -this.y / this.zoom,
      width: clientWidth / this.zoom,
      height: clientHeight / this.zoom,
    };
  }

  /** Shows all of `box`, not larger than life. */
  fit(box: Box): void {
    const { width, height } = this.#room();
    if (width <= 0 || height <= 0 || box.width <= 0) {
      return;
    }
    const zoom = Math.min((width - 2 * MARGIN) / box.width, (height - 2 * MARGIN) / box.height, 1);
    this.zoom = Math.max(zoom, MIN_ZOOM);
    this.centre(box);
    this.fitted = true;
  }

  centre(box: Box): void {
    const { width, height } = this.#room();
    this.x = this.insets.left + width / 2 - (box.x + box.width / 2) * this.zoom;
    this.y = this.insets.top + height / 2 - (box.y + box.height / 2) * this.zoom;
    this.#moved();
  }

  /** Moves only as far as `box` needs to be seen. */
  reveal(box: Box): void {
    const { width, height } = this.#room();
    const left = box.x * this.zoom + this.x - this.insets.left;
    const top = box.y * this.zoom + this.y - this.insets.top;
    const dx = shift(left, box.width * this.zoom, width);
    const dy = shift(top, box.height * this.zoom, height);
    if (dx !== 0 || dy !== 0) {
      this.pan(dx, dy);
    }
  }

  pan(dx: number, dy: number): void {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.#moved();
  }

  /** Zooms by a factor about a point of the stage; about its middle where none is given. */
  scale(factor: number, at = { x: this.#stage.clientWidth / 2, y: this.#stage.clientHeight / 2 }): void {
    const zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, this.zoom * factor));
    this.x = at.x - ((at.x - this.x) * zoom) / this.zoom;
    this.y = at.y - ((at.y - this.y) * zoom) / this.zoom;
    this.zoom = zoom;
    this.fitted = false;
    this.#moved();
  }

  #room(): { width: number; height: number } {
    const { clientWidth, clientHeight } = this.#stage;
    const { top, right, bottom, left } = this.insets;
    return { width: clientWidth - left - right, height: clientHeight - top - bottom };
  }

  #at(event: MouseEvent): { x: number; y: number } {
    const { left, top } = this.#stage.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  #wheel(event: WheelEvent): void {
    // A pinch on a touchpad arrives as a wheel with ctrl.
    const meant = event.ctrlKey || event.metaKey;
    if (!meant && !this.#armed) {
      return;
    }
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    this.scale(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015)), this.#at(event));
  }

  #down(event: PointerEvent): void {
    if (event.button !== 0) {
      return;
    }
    this.#armed = true;
    this.#dragged = 0;
    this.#pointers.set(event.pointerId, this.#at(event));
  }

  #disarm(): void {
    if (this.#pointers.size === 0) {
      this.#armed = false;
    }
  }

  #move(event: PointerEvent): void {
    const before = this.#pointers.get(event.pointerId);
    if (!before) {
      return;
    }
    const at = this.#at(event);
    const dx = at.x - before.x;
    const dy = at.y - before.y;
    this.#dragged += Math.hypot(dx, dy);
    if (!this.dragging) {
      return;
    }
    // Captured only now: a captured press would never become a click on the card below it.
    this.#stage.setPointerCapture(event.pointerId);
    if (this.#pointers.size === 2) {
      this.#pinch(event.pointerId, before, at);
    } else if (event.pointerType !== "touch") {
      this.pan(dx, dy);
    }
    this.#pointers.set(event.pointerId, at);
  }

  /** Two fingers: one stays, the other moved. One finger scrolls the page. */
  #pinch(moved: number, before: { x: number; y: number }, at: { x: number; y: number }): void {
    const other = [...this.#pointers].find(([id]) => id !== moved)?.[1];
    if (other) {
      const was = Math.hypot(before.x - other.x, before.y - other.y);
      const is = Math.hypot(at.x - other.x, at.y - other.y);
      this.pan((at.x - before.x) / 2, (at.y - before.y) / 2);
      this.scale(is / Math.max(was, 1), { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
    }
  }

  /** The click that ends a drag opens nothing. */
  #click(event: MouseEvent): void {
    if (this.dragging) {
      event.stopPropagation();
      event.preventDefault();
    }
    this.#dragged = 0;
  }
}

/** How far `start .. start + size` must move to lie inside `0 .. room`. */
function shift(start: number, size: number, room: number): number {
  if (start < MARGIN || size > room - 2 * MARGIN) {
    return MARGIN - start;
  }
  return Math.min(0, room - MARGIN - (start + size));
}
