// A teacher's notes: on the card of their node, or over the canvas, as soon as playback reaches them; and where one is
// written, where somebody keeps it.
import type { Canvas } from "../canvas/canvas.ts";
import type { Box } from "../canvas/panzoom.ts";
import { button, h } from "../dom.ts";
import { icon } from "../icons.ts";
import type { RunState } from "../model/state.ts";
import type { Note } from "../model/types.gen.ts";

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
  const banner = h("div", { class: "lfw-banner", role: "note", hidden: true }, words, hide);
  const onCards = new Map<Note, HTMLElement>();
  let hidden: Note | undefined;

  const close = () => {
    hidden = shown;
    banner.hidden = true;
  };
  let shown: Note | undefined;
  return {
    banner,
    write(state) {
      shown = state.notes.findLast(({ node }) => !node);
      banner.hidden = !shown || alike(shown, hidden);
      words.textContent = shown?.text ?? "";
      const notes = state.notes.filter(({ node }) => node);
      for (const [note, element] of onCards) {
        if (!notes.some((each) => alike(each, note))) {
          element.remove();
          onCards.delete(note);
        }
      }
      for (const note of notes) {
        if (![...onCards.keys()].some((each) => alike(each, note))) {
          onCards.set(note, pin(note, state, canvas));
        }
      }
    },
  };
}

/** Puts a note below its card, or above it where the next card is close below and none is above. */
function pin(note: Note, state: RunState, canvas: Canvas): HTMLElement {
  const element = h("div", { class: "lfw-card-note", role: "note" }, note.text);
  const card = state.card(note.node ?? "");
  const own = canvas.item(card);
  const others = [...state.nodes.keys()].flatMap((id) => (id !== card && canvas.item(id)) || []);
  const isTaken = (from: number, { x, width }: Box): boolean =>
    others.some((it) => it.x < x + width && it.x + it.width > x && it.y < from + ROOM && it.y + it.height > from);
  if (own && isTaken(own.y + own.height, own) && !isTaken(own.y - ROOM, own)) {
    element.dataset.side = "above";
  }
  canvas.attach(card, element);
  return element;
}

/** A tape that is wound back makes its events anew. */
const alike = (a: Note, b: Note | undefined): boolean =>
  a.text === b?.text && a.node === b.node && a.t === b.t && a.moment === b.moment;

/** A line to write a note in. `add` is given the words. */
export function makeNoteForm(add: (text: string) => void, about: () => string): HTMLElement {
  const box = h("input", { "aria-label": "Note", focus: () => (box.placeholder = about()) });
  const form = h("form", { class: "lfw-writing" }, box, h("button", {}, "Add note"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = box.value.trim();
    box.value = "";
    if (text) {
      add(text);
    }
  });
  return form;
}
