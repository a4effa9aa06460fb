// The last lines of a text that grows: one Text node, cut to its end, so that its layout costs the same at any length.
import type { Chunks } from "../model/text.ts";

/** More than a card can show, in UTF-16 units, and how far it may grow before it is cut again. */
const WINDOW = 400;
const SLACK = 400;

export class Tail {
  readonly #element: HTMLElement;
  readonly #text = document.createTextNode("");
  #source: Chunks | null = null;
  #offset = 0;
  #epoch = 0;

  constructor(element: HTMLElement) {
    this.#element = element;
    element.append(this.#text);
  }

  /** Writes what `source` has gained since the last time. */
  follow(source: Chunks, struck: boolean): void {
    this.#element.classList.toggle("lfw-struck", struck);
    if (source !== this.#source || source.epoch !== this.#epoch) {
      this.#source = source;
      this.#epoch = source.epoch;
      this.#offset = source.length;
      this.#text.data = source.tail(WINDOW);
      return;
    }
    if (source.length === this.#offset) {
      return;
    }
    const gained = source.since(this.#offset);
    this.#offset = source.length;
    if (this.#text.length + gained.length > WINDOW + SLACK) {
      this.#text.data = source.tail(WINDOW);
    } else {
      this.#text.appendData(gained);
    }
  }

  /** Writes a text that does not grow. */
  set(words: string): void {
    this.#source = null;
    this.#element.classList.remove("lfw-struck");
    const cut = words.slice(0, WINDOW);
    if (this.#text.data !== cut) {
      this.#text.data = cut;
    }
  }
}
