// The small map in the corner: where the view is in a graph too large for it.
import { listen, s, setAttribute } from "../dom.ts";
import type { RunState } from "../model/state.ts";
import type { Box, PanZoom } from "./panzoom.ts";
import type { Item, Scene } from "./scene.ts";

/** With fewer nodes a map would only be in the way. */
const LEAST_NODES = 8;

export interface Minimap {
  element: SVGSVGElement;
  draw(scene: Scene): void;
  /** Shows which nodes run. */
  write(run: RunState | null): void;
  /** Follows the view; shown only where something is outside it. */
  move(): void;
}

export function makeMinimap(pan: PanZoom): Minimap {
  const [all, busy, view] = ["all", "busy", "view"].map((name) => s("path", { class: `map-${name}` }));
  const size = { width: 132, height: 84 };
  const element = s("svg", { class: "minimap", "aria-hidden": "true", hidden: true, ...size }, all, busy, view);
  let cards: Item[] = [];
  let whole: Box = pan.visible();

  const go = (event: PointerEvent) => {
    event.stopPropagation();
    const matrix = element.getScreenCTM()?.inverse();
    if (event.buttons === 1 && matrix) {
      const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
      pan.centre({ x, y, width: 0, height: 0 });
    }
  };
  listen(element, "pointerdown", go);
  listen(element, "pointermove", go);

  return {
    element,
    draw({ box, visible }) {
      whole = box;
      cards = visible.filter(({ shape }) => shape !== "frame");
      setAttribute(element, "viewBox", `${box.x} ${box.y} ${box.width || 1} ${box.height || 1}`);
      outline(all, cards);
    },
    write(run) {
      outline(
        busy,
        cards.filter(({ id }) => run?.nodes.get(id)?.open),
      );
    },
    move() {
      const seen = pan.visible();
      const inside =
        seen.x <= whole.x &&
        seen.y <= whole.y &&
        seen.x + seen.width >= whole.x + whole.width &&
        seen.y + seen.height >= whole.y + whole.height;
      element.toggleAttribute("hidden", inside || cards.length < LEAST_NODES);
      outline(view, [seen]);
    },
  };
}

function outline(path: Element | undefined, boxes: readonly Box[]): void {
  path?.setAttribute("d", boxes.map(({ x, y, width, height }) => `M${x} ${y}h${width}v${height}h${-width}z`).join(""));
}
