// Icons as elements, and which one stands for which type of node. Their shapes come from `lucide` at build time.
import shapes from "virtual:icons";
import { s } from "./dom.ts";
import type { NodeType } from "./model/types.gen.ts";

const BY_TYPE = {
  prompt: "prompt",
  model: "bot",
  parser: "braces",
  tool: "wrench",
  retriever: "search",
  function: "function",
  passthrough: "minus",
  parallel: "split",
  branch: "branch",
  graph: "graph",
  each: "repeat",
  start: "play",
  end: "stop",
  node: "box",
} as const satisfies Record<NodeType, string>;

type ByType = (typeof BY_TYPE)[NodeType];
export type IconName = ByType | "check" | "close" | "copy" | "fit" | "plus";

const made = new Map<IconName, SVGSVGElement>();

/** A copy of the icon: cloning is several times cheaper than making it, which counts at 1,000 cards. */
export function icon(name: IconName): Node {
  let first = made.get(name);
  if (!first) {
    first = s(
      "svg",
      { class: "lfw-icon", viewBox: "0 0 24 24", "aria-hidden": "true" },
      s("path", { d: shapes[name] }),
    );
    made.set(name, first);
  }
  return first.cloneNode(true);
}

/** A type that only a newer kernel knows is drawn as a plain node. */
export const iconOf = (type: NodeType): Node => icon(BY_TYPE[type] ?? "box");
