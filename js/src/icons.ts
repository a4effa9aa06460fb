// The icons that are used, and what each type of node looks like.
import {
  Bot,
  Box,
  Braces,
  Check,
  Copy,
  GitBranch,
  Layers,
  Maximize,
  MessageSquareText,
  Minus,
  Play,
  Plus,
  Repeat,
  ScrollText,
  Search,
  Split,
  Square,
  SquareFunction,
  Workflow,
  Wrench,
  X,
} from "lucide";
import { s } from "./dom.ts";
import type { NodeType } from "./model/types.gen.ts";

type IconNode = readonly (readonly [string, object])[];

const ICONS = {
  bot: Bot,
  box: Box,
  braces: Braces,
  branch: GitBranch,
  check: Check,
  close: X,
  copy: Copy,
  fit: Maximize,
  function: SquareFunction,
  graph: Workflow,
  layers: Layers,
  log: ScrollText,
  minus: Minus,
  play: Play,
  plus: Plus,
  prompt: MessageSquareText,
  repeat: Repeat,
  search: Search,
  split: Split,
  stop: Square,
  wrench: Wrench,
} satisfies Record<string, IconNode>;

export type IconName = keyof typeof ICONS;

const BY_TYPE: Record<NodeType, IconName> = {
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
};

const made = new Map<IconName, SVGSVGElement>();

/** A copy of the icon: cloning is several times cheaper than making it, which counts at 1,000 cards. */
export function icon(name: IconName): SVGSVGElement {
  let first = made.get(name);
  if (!first) {
    const parts = (ICONS[name] as IconNode).map(([tag, attributes]) =>
      s(tag as "path", attributes as Record<string, string>),
    );
    first = s("svg", { class: "lfw-icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, ...parts);
    made.set(name, first);
  }
  return first.cloneNode(true) as SVGSVGElement;
}

/** A type that a newer kernel knows is drawn as a plain node. */
export const iconOf = (type: NodeType): SVGSVGElement => icon(BY_TYPE[type] ?? "box");
