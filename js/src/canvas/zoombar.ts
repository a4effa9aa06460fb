// The buttons that zoom.
import { button, h } from "../dom.ts";
import { icon } from "../icons.ts";
import type { PanZoom } from "./panzoom.ts";

const STEP = 1.25;

export function zoomButtons(pan: PanZoom, fit: () => void): HTMLElement {
  return h(
    "div",
    { class: "lfw-zoom", role: "group", "aria-label": "Zoom" },
    button("Zoom in (+, or Ctrl and the wheel)", () => pan.scale(STEP), {}, icon("plus")),
    button("Zoom out (−)", () => pan.scale(1 / STEP), {}, icon("minus")),
    button("Fit the whole flow (0)", fit, {}, icon("fit")),
  );
}
