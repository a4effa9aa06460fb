// The small map in the corner: where the view is in a graph too large for it.
import { s, setAttribute } from "../dom.ts";
import type { RunState } from "../model/state.ts";
import type { PanZoom } from "./panzoom.ts";
import type { Scene } from "./scene.ts";

/** With fewer nodes a map would only be in the way. */
const LEAST_NODES = 8;
const SIZE = { width: 132, height: 84 };

export class Minimap {
  readonly element = s("svg", { class: "lfw-minimap", "aria-hidden": "true", width: SIZE.width, height: SIZE.height });
  readonly #pan: PanZoom;
  readonly #frame = s("rect", { class: "lfw-minimap-view" });
  #nodes = new Map<string, SVGRectElement>();
  #scene: Scene | null = null;

  constructor(pan: PanZoom) {
    this.#pan = pan;
    this.element.addEventListener("pointerdown", (event) => this.#go(event));
    this.element.addEventListener("pointermove", (event) => event.buttons === 1 && this.#go(event));
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const { x, y, width, height } = scene.box;
    const grid = Math.max(width / SIZE.width, height / SIZE.height);
    setAttribute(this.element, "viewBox", `${x} ${y} ${Math.max(width, 1)} ${Math.max(height, 1)}`);
    this.element.style.setProperty("--lfw-px", String(grid));
    this.#nodes = new Map();
    for (const item of scene.items.values()) {
      if (item.shape !== "frame") {
        const { width, height } = item;
        this.#nodes.set(item.id, s("rect", { x: item.x, y: item.y, width, height, rx: 8 }));
      }
    }
    this.element.replaceChildren(...this.#nodes.values(), this.#frame);
    this.move();
  }

  write(run: RunState | null): void {
    if (this.element.classList.contains("lfw-shown")) {
      for (const [id, rect] of this.#nodes) {
        setAttribute(rect, "data-status", run?.nodes.get(id)?.status ?? "idle");
      }
    }
  }

  /** Follows the view; shown only where something is outside it. */
  move(): void {
    if (!this.#scene) {
      return;
    }
    const { box, items } = this.#scene;
    const view = this.#pan.visible;
    const inside =
      view.x <= box.x &&
      view.y <= box.y &&
      view.x + view.width >= box.x + box.width &&
      view.y + view.height >= box.y + box.height;
    this.element.classList.toggle("lfw-shown", !inside && items.size >= LEAST_NODES);
    for (const [name, value] of Object.entries(view)) {
      setAttribute(this.#frame, name, String(Math.round(value)));
    }
  }

  #go(event: PointerEvent): void {
    event.stopPropagation();
    const matrix = this.element.getScreenCTM();
    if (matrix) {
      const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
      this.#pan.fitted = false;
      this.#pan.centre({ x, y, width: 0, height: 0 });
    }
  }
}
