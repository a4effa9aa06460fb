// Makes the module "virtual:icons" at build time: every icon of `lucide` that is used, as the data of a single path. As
// a list of shapes with their attributes the same icons take a third more room.
import * as lucide from "lucide";
import { shortest } from "./paths.mjs";

const ALL = new Map(Object.entries(lucide));

/** By the type of node they stand for, or by what pressing them does. */
const USED = {
  prompt: "MessageSquare",
  model: "Bot",
  parser: "Braces",
  tool: "Wrench",
  retriever: "Search",
  function: "SquareFunction",
  passthrough: "Minus",
  parallel: "Split",
  branch: "GitBranch",
  graph: "Workflow",
  each: "Repeat",
  node: "Box",
  check: "Check",
  close: "X",
  copy: "Copy",
  fit: "Maximize",
  minus: "Minus",
  play: "Play",
  plus: "Plus",
  stop: "Square",
};

/** Those of the player alone: the live widget does not carry them. */
const PLAYER = {
  pause: "Pause",
  replay: "RotateCcw",
  tokenBack: "ChevronLeft",
  tokenOn: "ChevronRight",
  nodeBack: "SkipBack",
  nodeOn: "SkipForward",
  timeline: "ChartGantt",
  note: "StickyNote",
  slow: "Turtle",
  silence: "FoldHorizontal",
};

const number = (value, otherwise = 0) => Number(value ?? otherwise);

function rect({ x, y, width, height, rx, ry }, least) {
  const [w, h, round] = [number(width), number(height), number(rx, ry)];
  const r = round < least ? 0 : round;
  const corner = (dx, dy) => (r ? `a${r} ${r} 0 0 1 ${dx} ${dy}` : "");
  return (
    `M${number(x) + r} ${number(y)}h${w - 2 * r}${corner(r, r)}v${h - 2 * r}${corner(-r, r)}` +
    `h${2 * r - w}${corner(-r, -r)}v${2 * r - h}${corner(r, -r)}z`
  );
}

function circle({ cx, cy, r }) {
  return `M${number(cx) - number(r)} ${cy}a${r} ${r} 0 1 0 ${2 * number(r)} 0a${r} ${r} 0 1 0 ${-2 * number(r)} 0z`;
}

function ellipse({ cx, cy, rx, ry }) {
  const across = 2 * number(rx);
  return `M${number(cx) - number(rx)} ${cy}a${rx} ${ry} 0 1 0 ${across} 0a${rx} ${ry} 0 1 0 ${-across} 0z`;
}

/** A path that follows others must begin absolutely; what follows its first point stays relative. */
const absolute = (d) => d.replace(/^m\s*(-?[\d.]+)[ ,]*(-?[\d.]+)(?=\s*[-\d.])/, "M$1 $2l").replace(/^m/, "M");

const SHAPES = {
  path: ({ d }) => absolute(d),
  rect,
  circle,
  ellipse,
  line: ({ x1, y1, x2, y2 }) => `M${x1} ${y1}L${x2} ${y2}`,
  polyline: ({ points }) => `M${points}`,
  polygon: ({ points }) => `M${points}z`,
};

/** The two flags of an arc are one digit each and need no room around them. */
function compactArcs(d) {
  return d.replace(/a[^a-zA-Z]+/g, (arcs) => {
    if (/ [01][01][-\d.]/.test(arcs)) {
      return arcs; // lucide has some of them compact already
    }
    const all = arcs.match(/-?(?:\d+\.?\d*|\.\d+)/g);
    if (all.length % 7) {
      throw new Error(`not seven numbers for each arc: ${arcs}`);
    }
    const starts = all.flatMap((_, i) => (i % 7 ? [] : [i]));
    return `a${starts.map((i) => `${all.slice(i, i + 4).join(" ")}${all[i + 4]}${all.slice(i + 5, i + 7).join(" ")}`).join(" ")}`;
  });
}

/** `least` is the smallest radius of a corner that is drawn (px): the stroke itself is round, too. */
export function dataOf(name, least = 0) {
  const data = ALL.get(name)
    .map(([tag, attributes]) => SHAPES[tag](attributes, least))
    .join("");
  return compactArcs(data)
    .replace(/ -/g, "-")
    .replace(/\b0\./g, ".")
    .replace(/ ?([a-zA-Z]) ?/g, "$1");
}

const LISTS = { "virtual:icons": USED, "virtual:player-icons": PLAYER };

function source(id) {
  const icons = Object.entries(LISTS[id]).map(([name, icon]) => [name, shortest(dataOf(icon, 2))]);
  return `export default ${JSON.stringify(Object.fromEntries(icons))}`;
}

export const forEsbuild = {
  name: "icons",
  setup(build) {
    build.onResolve({ filter: /^virtual:/ }, ({ path }) => ({ path, namespace: "icons" }));
    build.onLoad({ filter: /.*/, namespace: "icons" }, ({ path }) => ({ contents: source(path), loader: "js" }));
  },
};

export const forVite = {
  name: "icons",
  resolveId: (id) => (id in LISTS ? `\0${id}` : undefined),
  load: (id) => (id.slice(1) in LISTS ? source(id.slice(1)) : undefined),
};
