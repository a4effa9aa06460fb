// One card, frame or pill: its elements, and what of a node's state is written into them.
import { h, setAttribute, setText } from "../dom.ts";
import { glyphOf, preview, type ShownStatus, seconds, tokens, wordOf } from "../format.ts";
import { iconOf } from "../icons.ts";
import { callsOf, type NodeState } from "../model/node.ts";
import type { Span } from "../model/span.ts";
import { type Item, portOffset } from "./scene.ts";
import { Tail } from "./tail.ts";

/** What a card is told about the run around it. */
export interface Moment {
  /** Seconds on the run's clock. */
  clock: number;
  lost: boolean;
  /** Bodies are hidden: the text need not be written. */
  far: boolean;
}

const template = (): HTMLElement =>
  h(
    "div",
    { class: "lfw-card", role: "button", tabindex: "-1", "data-status": "idle" },
    h("div", { class: "lfw-head" }, h("span", { class: "lfw-title" }), h("span", { class: "lfw-elapsed" })),
    h(
      "div",
      { class: "lfw-row" },
      h("span", { class: "lfw-glyph", "aria-hidden": "true" }),
      h("span", { class: "lfw-word" }),
      h("span", { class: "lfw-subtitle" }),
      h("span", { class: "lfw-tokens" }),
    ),
    h("div", { class: "lfw-progress" }),
    h("div", { class: "lfw-body" }, h("div", { class: "lfw-tail" })),
  );

let made: HTMLElement | null = null;

export class Card {
  readonly item: Item;
  readonly element: HTMLElement;
  readonly #parts: Record<
    "title" | "elapsed" | "glyph" | "word" | "subtitle" | "tokens" | "body" | "tail",
    HTMLElement
  >;
  readonly #tail: Tail;
  #status: ShownStatus | null = null;
  #body = "";

  constructor(item: Item) {
    this.item = item;
    made ??= template();
    this.element = made.cloneNode(true) as HTMLElement;
    const part = (name: string) => this.element.querySelector<HTMLElement>(`.lfw-${name}`) as HTMLElement;
    this.#parts = {
      title: part("title"),
      elapsed: part("elapsed"),
      glyph: part("glyph"),
      word: part("word"),
      subtitle: part("subtitle"),
      tokens: part("tokens"),
      body: part("body"),
      tail: part("tail"),
    };
    this.#tail = new Tail(this.#parts.tail);
    this.#dress();
    this.write(undefined, { clock: 0, lost: false, far: false });
  }

  write(node: NodeState | undefined, moment: Moment): void {
    const status = shown(node, moment.lost);
    const turned = status !== this.#status;
    if (turned) {
      this.#turn(status, node);
    }
    // From afar the status is all that shows (a frame keeps its numbers).
    if (moment.far && this.item.shape === "card") {
      return;
    }
    const elapsed = elapsedOf(node, moment.clock);
    setText(this.#parts.elapsed, elapsed === null ? "" : seconds(elapsed));
    setText(this.#parts.tokens, tokensOf(node, moment.clock));
    setText(this.#parts.subtitle, this.#aside(node));
    if (this.item.shape === "card") {
      this.#write(node, status);
    }
  }

  #dress(): void {
    const { id, node, x, y, width, height, shape } = this.item;
    const { element } = this;
    element.dataset.id = id;
    element.dataset.type = node.type;
    element.classList.add(`lfw-${shape}`);
    element.classList.toggle("lfw-card", shape !== "pill");
    element.style.cssText = `left:${x}px;top:${y}px;width:${width}px;height:${height}px`;
    this.#parts.title.textContent = node.title;
    this.#parts.title.title = node.title;
    this.#parts.title.before(iconOf(node.type));
    if (shape !== "pill") {
      this.#ports("inputs");
      this.#ports("outputs");
    }
  }

  #ports(side: "inputs" | "outputs"): void {
    const { item } = this;
    const lines = side === "inputs" ? item.in : item.out;
    const named = item.node[side]?.map((port) => port.name) ?? [];
    const used = lines.map(({ edge }) => (side === "inputs" ? edge.target_port : edge.source_port) ?? "");
    const tops = new Set([...named, ...used].map((name) => portOffset(item, side, name)));
    for (const top of tops) {
      this.element.append(h("i", { class: `lfw-port lfw-${side}`, style: `top:${top}px` }));
    }
  }

  #turn(status: ShownStatus, node: NodeState | undefined): void {
    this.#status = status;
    const { title, type } = this.item.node;
    setAttribute(this.element, "data-status", status);
    setAttribute(this.element, "aria-label", `${title}, ${type}, ${wordOf(status)}`);
    setText(this.#parts.glyph, glyphOf(status));
    setText(this.#parts.word, wordOf(status));
    this.#parts.word.title = node?.reason ?? "";
  }

  #aside(node: NodeState | undefined): string {
    const spans = node?.spans.length ?? 0;
    if (spans < 2) {
      return this.item.node.subtitle ?? "";
    }
    const attempts = Math.max(...(node?.spans.map((span) => span.attempt) ?? []));
    return attempts > 1 ? `attempt ${attempts}` : `× ${spans}`;
  }

  #write(node: NodeState | undefined, status: ShownStatus): void {
    const span = bodySpan(node);
    if (node && status !== "failed" && span) {
      this.#body = "";
      this.#tail.follow(span.text.length > 0 ? span.text : span.reasoning, span.retracted);
      setAttribute(this.#parts.body, "data-channel", span.text.length > 0 ? "text" : "reasoning");
      return;
    }
    const words = bodyWords(node, status);
    if (words !== this.#body || words === "") {
      this.#body = words;
      this.#tail.set(words);
      setAttribute(this.#parts.body, "data-channel", status === "failed" ? "error" : "output");
    }
  }
}

export function shown(node: NodeState | undefined, lost: boolean): ShownStatus {
  const status = node?.status ?? "idle";
  return lost && node?.open ? "lost" : status;
}

/** Seconds: of the last span that counts, up to now while it is open. */
export function elapsedOf(node: NodeState | undefined, clock: number): number | null {
  const span = node?.current;
  return span ? (span.duration ?? Math.max(0, clock - span.start)) : null;
}

function tokensOf(node: NodeState | undefined, clock: number): string {
  const sum = node?.tokens ?? 0;
  if (!node || sum === 0) {
    return "";
  }
  const rate = rateOf(node, clock);
  return rate === null ? tokens(sum) : `${tokens(sum)} · ${Math.round(rate)}/s`;
}

/** Tokens per second of the last span that speaks, from its first token on. */
function rateOf(node: NodeState, clock: number): number | null {
  const span = node.group.findLast((each) => each.firstToken !== null);
  if (!span || span.firstToken === null || span.chunks < 2) {
    return null;
  }
  const time = (span.end ?? clock) - span.start - span.firstToken;
  return time > 0.05 ? (span.chunks - 1) / time : null;
}

/** The stream a card shows: what counts, else the last attempt that was withdrawn, else the reasoning. */
function bodySpan(node: NodeState | undefined): Span | undefined {
  const group = node?.group ?? [];
  return node?.said ?? node?.thought ?? group.findLast((span) => span.text.length > 0);
}

function bodyWords(node: NodeState | undefined, status: ShownStatus): string {
  if (status === "failed") {
    const error = node?.current?.error;
    return error ? `${error.type}: ${error.message}` : "";
  }
  if (status === "skipped") {
    return node?.reason ?? "";
  }
  const calls = callsOf(node?.asked);
  return calls.length > 0
    ? calls.map((call) => `${call.name ?? "tool"}(${call.args.tail(200)})`).join("\n")
    : preview(node?.current?.output);
}
