// A text of any length that grows: blocks of about 2 KB, of which the browser lays out only what is seen (24 times
// cheaper than one block at 100,000 tokens). It follows its end only for a reader who is there.
import { d, explain, h, renew } from "../dom.ts";
import { Chunks } from "../model/text.ts";

const BLOCK = 2048;
/** How near to the end (px) counts as being there. */
const NEAR = 24;

/** Does something that makes a box longer; a reader who was at its end stays there. */
export function atEnd(box: HTMLElement, lengthen: () => void): void {
  const there = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
  lengthen();
  if (there) {
    box.scrollTop = box.scrollHeight;
  }
}

export interface LongText {
  element: HTMLElement;
  /** Writes what the text has gained; all of it where it is another one. */
  follow(source: Chunks): void;
  /** Writes a text that does not grow, from its start. */
  set(text: string): void;
}

export function makeLongText(label: string): LongText {
  const element = h("div", { class: "text", tabindex: "0", role: "group", "aria-label": label });
  let followed: Chunks | undefined;
  let epoch = 0;
  let offset = 0;
  let last: Text | undefined;
  let block = element;

  const append = (text: string) => {
    for (const { part, fresh } of blocksOf(text, last ? BLOCK - last.length : 0)) {
      if (fresh || !last) {
        last = new Text();
        block = d("block", last);
        element.append(block);
      }
      last.appendData(part);
      explain(block, last.data);
    }
  };
  const follow = (source: Chunks) => {
    if (source !== followed || source.epoch !== epoch) {
      followed = source;
      epoch = source.epoch;
      offset = 0;
      last = undefined;
      renew(element);
    }
    if (source.length > offset) {
      atEnd(element, () => append(source.since(offset)));
      offset = source.length;
    }
  };
  return {
    element,
    follow,
    set(text) {
      if (String(followed) !== text) {
        const source = new Chunks();
        source.append(text);
        follow(source);
        element.scrollTop = 0;
      }
    },
  };
}

/** Cuts text into blocks: after the last line break that fits, else hard, but never inside a surrogate pair. `room` is
 * what the block before may still take. */
export function* blocksOf(text: string, room: number): Generator<{ part: string; fresh: boolean }> {
  let rest = text;
  let left = room;
  let fresh = false;
  while (rest) {
    const cut = rest.length <= left ? rest.length : cutAt(rest, left, fresh);
    if (cut > 0) {
      yield { part: rest.slice(0, cut), fresh };
    }
    rest = rest.slice(cut);
    left = BLOCK;
    fresh = true;
  }
}

function cutAt(text: string, most: number, fresh: boolean): number {
  const line = most > 0 ? text.lastIndexOf("\n", most - 1) + 1 : 0;
  if (line > 0 || !fresh) {
    return line;
  }
  const code = text.charCodeAt(most);
  return code >= 0xdc00 && code <= 0xdfff ? most - 1 : most;
}
