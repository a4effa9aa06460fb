// The last lines of a text that grows: one Text node, cut to its end, so that its layout costs the same at any length.
import { explain } from "../dom.ts";
import type { Chunks } from "../model/text.ts";

/** More than a card can show, in UTF-16 units, and how far it may grow before it is cut again. */
const WINDOW = 400;
const SLACK = 400;

export interface Tail {
  /** Writes what `source` has gained since the last time. */
  follow(source: Chunks): void;
  /** Writes a text that does not grow. */
  set(words: string): void;
}

export function makeTail(element: HTMLElement): Tail {
  const text = new Text();
  let followed: Chunks | null = null;
  let offset = 0;
  let epoch = 0;
  element.append(text);
  return {
    follow(source) {
      const gained = source === followed && source.epoch === epoch ? source.since(offset) : null;
      if (gained === null || text.length + gained.length > WINDOW + SLACK) {
        text.data = source.tail(WINDOW);
      } else if (gained) {
        text.appendData(gained);
      }
      explain(element, text.data);
      followed = source;
      epoch = source.epoch;
      offset = source.length;
    },
    set(words) {
      followed = null;
      const cut = words.slice(0, WINDOW);
      if (text.data !== cut) {
        text.data = cut;
        explain(element, cut);
      }
    },
  };
}
