// Icons as elements, and which one stands for which type of node. Their shapes come from `lucide` at build time.
import shapes from "virtual:icons";
import { h, s } from "./dom.ts";
import type { Node as Def, NodeType } from "./model/types.gen.ts";

/** `icons.mjs` has the same list. Pills and notes have no icon. */
export type IconName =
  | Exclude<NodeType, "start" | "end" | "note">
  | "check"
  | "close"
  | "copy"
  | "fit"
  | "minus"
  | "play"
  | "plus"
  | "stop";

const made = new Map<IconName, SVGSVGElement>();

/** A copy of the icon: cloning is several times cheaper than making it, which counts at 1,000 cards. */
export function icon(name: IconName): Node {
  let first = made.get(name);
  if (!first) {
    first = drawn(shapes[name]);
    made.set(name, first);
  }
  return first.cloneNode(true);
}

export const drawn = (shape: string): SVGSVGElement =>
  s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: shape }));

/** Its own, a shape or a letter, else that of its type. A type that has none, or that only a newer kernel knows, is drawn
 * as a plain node. */
export const iconOf = ({ type, icon: own }: Def): Node =>
  own?.[1]
    ? drawn(own)
    : own
      ? h("b", { class: "icon" }, own)
      : icon(Object.hasOwn(shapes, type) ? (type as IconName) : "node");

/** Styles that give an element a colour from outside. Nothing but a colour gets into them. */
export const paint = (color = ""): string => (/^#\w+$/.test(color) ? `--lT:${color}` : "");
