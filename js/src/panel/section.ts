// One heading of the panel with its text, and a button that copies it.
import { button, h, renew } from "../dom.ts";
import { pretty } from "../format.ts";
import { icon } from "../icons.ts";
import { Chunks } from "../model/text.ts";
import { makeLongText } from "./longtext.ts";

export interface Section {
  element: HTMLElement;
  /** A text that grows, or any value; nothing hides the section. */
  write(value: unknown): void;
}

export function makeSection(title: string): Section {
  const text = makeLongText(title);
  let written: unknown;
  const copy = button(`Copy: ${title}`, () => void take(), { class: "copy" }, icon("copy"));
  const element = h("section", { "data-section": title }, h("h4", {}, title, copy), text.element);

  const take = async () => {
    try {
      await navigator.clipboard.writeText(written instanceof Chunks ? String(written) : pretty(written));
      renew(copy, icon("check"));
      setTimeout(() => renew(copy, icon("copy")), 1500);
    } catch {
      // No clipboard where the page is not served over https: leave it selected, ready for Ctrl+C.
      getSelection()?.selectAllChildren(text.element);
    }
  };
  const write = (value: unknown) => {
    const empty = value === undefined || value === null || value === "" || (value as Chunks).length === 0;
    element.hidden = empty;
    if (value instanceof Chunks) {
      text.follow(value);
    } else if (!empty && value !== written) {
      text.set(pretty(value));
    }
    written = value;
  };
  return { element, write };
}
