// One card, frame or pill: its elements, and what of a node's state is written into them.
import { button, d, h, setAttribute, setText, toggle } from "../dom.ts";
import { glyphOf, preview, type ShownStatus, seconds, tokens, wordOf } from "../format.ts";
import { icon, iconOf, paint } from "../icons.ts";
import { callsOf, type NodeState } from "../model/node.ts";
import type { Port } from "../model/types.gen.ts";
import { max, round } from "../short.ts";
import { type Item, portOf, portOffset, type Side } from "./scene.ts";
import { makeTail } from "./tail.ts";

/** What a card is told about the run around it. */
export interface Moment {
  /** Seconds on the run's clock. */
  clock: number;
  lost: boolean;
  /** Bodies are hidden: the text need not be written. */
  far: boolean;
}

export interface Card {
  item: Item;
  element: HTMLElement;
  write(node: NodeState | undefined, moment: Moment): void;
}

/** What of a card is written. */
const PARTS = ["title", "elapsed", "glyph", "word", "subtitle", "tokens", "body", "tail", "old"] as const;
type Elements<Names> = { [Key in keyof Names]: HTMLElement };

const span = (name: string) => h("span", { class: name });
let template: HTMLElement | undefined;

/** Cloned: making 1,000 cards anew costs several times more. */
function blank(): HTMLElement {
  template ??= h(
    "div",
    { role: "button", tabindex: "-1" },
    d("head", span("title"), span("elapsed")),
    d("row", span("glyph"), span("word"), span("subtitle"), span("tokens")),
    d("progress"),
    d("body", d("tail"), d("old")),
  );
  return template.cloneNode(true) as HTMLElement;
}

export function makeCard(item: Item): Card {
  const { def, shape, folded } = item;
  const element = blank();
  const parts = PARTS.map((name) => element.querySelector(`.lfw-${name}`)) as unknown as Elements<typeof PARTS>;
  const [title, elapsed, glyph, word, subtitle, counted, body, tail, before] = parts;
  const stream = makeTail(tail);
  const old = makeTail(before);
  let status: ShownStatus | undefined;
  dress(element, item);
  title.textContent = (def.warning ? "⚠ " : "") + def.title;
  title.title = def.warning ?? def.title;
  if (folded || shape === "frame") {
    title.before(button(folded ? "Unfold" : "Fold", () => {}, { class: "fold" }, icon(folded ? "plus" : "minus")));
  }
  title.before(iconOf(def));

  const turn = (next: ShownStatus, node: NodeState | undefined) => {
    status = next;
    element.dataset.status = next;
    setAttribute(element, "aria-label", `${title.textContent}, ${def.type}, ${wordOf(next)}`);
    glyph.textContent = glyphOf(next);
    word.textContent = wordOf(next);
    word.title = node?.reason ?? "";
  };

  const fill = (node: NodeState | undefined) => {
    const failed = status === "failed";
    const said = failed ? undefined : (node?.said ?? node?.thought ?? withdrawn(node));
    const channel = said && (said.text.length > 0 ? "text" : "reasoning");
    setAttribute(body, "data-channel", channel ?? (failed ? "error" : "output"));
    toggle(tail, "struck", said?.retracted === true);
    if (said && channel) {
      stream.follow(said[channel]);
    } else {
      stream.set(bodyWords(node, status));
    }
    old.set((failed && withdrawn(node)?.text.tail(120)) || "");
  };

  const write = (node: NodeState | undefined, { clock, lost, far }: Moment) => {
    const next = shown(node, lost);
    if (next !== status) {
      turn(next, node);
    }
    // From afar the status is all that shows (a frame keeps its numbers).
    if (!far || shape !== "card") {
      const time = elapsedOf(node, clock);
      setText(elapsed, time === null ? "" : seconds(time));
      setText(counted, tokensOf(node, clock));
      setText(subtitle, asideOf(item, node));
      if (shape === "card") {
        fill(node);
      }
    }
  };
  return { item, element, write };
}

function dress(element: HTMLElement, item: Item): void {
  const { id, def, shape } = item;
  element.className = shape === "pill" ? "lfw-pill" : `lfw-card lfw-${shape}`;
  element.dataset.id = id;
  element.dataset.type = def.type;
  element.style.cssText = placeOf(item);
  if (shape !== "pill") {
    for (const [side, names] of Object.entries(portsOf(item)) as [Side, string[]][]) {
      const tops = new Map(names.map((name) => [portOffset(item, side, name), portOf(item, side, name)]));
      element.append(...[...tops].map(([top, port]) => dot(side, top, port)));
    }
  }
}

const dot = (side: Side, top: number, port: Port | undefined) =>
  h("i", {
    class: `port lfw-${side}`,
    style: `top:${top}px;${paint(port?.color)}`,
    "data-type": port?.color,
    title: port?.title,
  });

const placeOf = ({ x, y, width, height, def }: Item): string =>
  `left:${x}px;top:${y}px;width:${width}px;height:${height}px;${paint(def.color)}`;

/** Names of what is drawn at its sides: where edges end, and ports with a colour. */
export const portsOf = ({ def, in: before, out }: Item) => ({
  inputs: [...colored(def.inputs), ...before.map(({ edge }) => edge.target_port)],
  outputs: [...colored(def.outputs), ...out.map(({ edge }) => edge.source_port)],
});
const colored = (ports: readonly Port[] = []) => ports.filter(({ color }) => color).map(({ name }) => name);

/** For the styles of a note's words: none, heading, bold, italic, code. */
const TAGS = ["span", "strong", "b", "i", "code"] as const;

/** A sticker: its text as runs, each in its style. */
export const makeNote = (item: Item): HTMLElement =>
  h(
    "div",
    { class: "note", role: "note", "data-type": item.def.color, style: placeOf(item) },
    ...(item.def.words ?? []).map(([style = "", text]) => h(TAGS[" hbic".indexOf(style)] ?? "span", {}, text)),
  );

export function shown(node: NodeState | undefined, lost: boolean): ShownStatus {
  return lost && node?.open ? "lost" : (node?.status ?? "idle");
}

/** Seconds: of the last span that counts, up to now while it is open. */
export function elapsedOf(node: NodeState | undefined, clock: number): number | null {
  const current = node?.current;
  return current ? (current.duration ?? max(0, clock - current.began)) : null;
}

/** Tokens, and how many a second the last span that speaks gives, from its first token on. */
function tokensOf(node: NodeState | undefined, clock: number): string {
  const sum = node?.tokens;
  if (!sum) {
    return "";
  }
  const speaks = node?.group.findLast((each) => each.firstToken !== null);
  const time = speaks ? (speaks.end ?? clock) - speaks.began - (speaks.firstToken ?? 0) : 0;
  return speaks && speaks.chunks > 1 && time > 0.05
    ? `${tokens(sum)} · ${round((speaks.chunks - 1) / time)}/s`
    : tokens(sum);
}

/** What stands beside the status: how often the node ran, where that was more than once. */
function asideOf(item: Item, node: NodeState | undefined): string {
  const spans = node?.spans ?? [];
  const attempts = max(...spans.map(({ attempt }) => attempt));
  return attempts > 1 ? `attempt ${attempts}` : spans.length > 1 ? `× ${spans.length}` : (item.def.subtitle ?? "");
}

/** What an attempt said that does not count. */
const withdrawn = (node: NodeState | undefined) =>
  node?.group.findLast(({ retracted, text }) => retracted && text.length > 0);

/** What a card shows where nothing is streamed. */
function bodyWords(node: NodeState | undefined, status: ShownStatus | undefined): string {
  const current = node?.current;
  if (status === "failed" && current?.error) {
    return `${current.error.type}: ${current.error.message}`;
  }
  if (status === "skipped") {
    return node?.reason ?? "";
  }
  const calls = callsOf(node?.asked).map((call) => `${call.name ?? "tool"}(${call.args.tail(200)})`);
  return calls.join("\n") || preview(current?.output);
}
