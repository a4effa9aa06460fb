// A teacher's notes: on the card of their node, or over the canvas, as soon as playback reaches them; and where one is
// written, where somebody keeps it.
import type { Canvas } from "../canvas/canvas.ts";
import type { Box } from "../canvas/panzoom.ts";
import { button, h, listen, setText } from "../dom.ts";
import { icon } from "../icons.ts";
import type { RunState } from "../model/state.ts";
import type { Note } from "../model/types.gen.ts";
import { stringify } from "../short.ts";

/** What a note of two or three lines takes, in the pixels of the graph. */
const ROOM = 60;

export interface Notes {
  /** The latest note that is on no node. */
  banner: HTMLElement;
  write(state: RunState): void;
}

export function makeNotes(canvas: Canvas): Notes {
  const words = h("p");
  const hide = button("Hide the note", () => close(), {}, icon("close"));
  const banner = h("div", { class: "banner", role: "note", hidden: true }, words, hide);
  const onCards = new Map<string, HTMLElement>();
  let shown: Note | undefined;
  let hidden = "";

  const close = () => {
    hidden = keyOf(shown);
    banner.hidden = true;
  };
  return {
    banner,
    write(state) {
      shown = state.notes.findLast(({ node }) => !node);
      banner.hidden = !shown || keyOf(shown) === hidden;
      setText(words, shown?.text ?? "");
      const notes = new Map(state.notes.filter(({ node }) => node).map((note) => [keyOf(note), note]));
      for (const [key, element] of onCards) {
        if (!notes.has(key)) {
          element.remove();
          onCards.delete(key);
        }
      }
      for (const [key, note] of notes) {
        // Where its card was made anew, it is pinned to that.
        if (!onCards.get(key)?.isConnected) {
          onCards.set(key, pin(note, state, canvas));
        }
      }
    },
  };
}

/** Puts a note below its card, or above it where the next card is close below and none is above. */
function pin(note: Note, state: RunState, canvas: Canvas): HTMLElement {
  const element = h("div", { class: "card-note", role: "note" }, note.text);
  const card = state.card(note.node ?? "");
  const own = canvas.item(card)?.shown;
  const others = [...state.nodes.keys()].flatMap((id) => canvas.item(id)?.shown ?? []).filter((it) => it !== own);
  const isTaken = (from: number, { x, width }: Box): boolean =>
    others.some((it) => it.x < x + width && it.x + it.width > x && it.y < from + ROOM && it.y + it.height > from);
  if (own && isTaken(own.y + own.height, own) && !isTaken(own.y - ROOM, own)) {
    element.dataset.side = "above";
  }
  canvas.attach(card, element);
  return element;
}

/** A tape that is wound back makes its events anew. */
const keyOf = (note: Note | undefined): string => stringify([note?.t, note?.node, note?.moment, note?.text]);

/** A line to write a note in. `add` is given the words. */
export function makeNoteForm(add: (text: string) => void, about: () => string): HTMLElement {
  const box = h("input", { "aria-label": "Note", focus: () => (box.placeholder = about()) });
  const form = h("form", { class: "writing" }, box, h("button", {}, "Add note"));
  listen(form, "submit", (event: Event) => {
    event.preventDefault();
    const text = box.value.trim();
    box.value = "";
    if (text) {
      add(text);
    }
  });
  return form;
}
