// Some fields and a button: the input of a flow, and the answer to a question, are both one of these.
import { button, type Child, d, h, listen, setAttribute } from "../dom.ts";
import type { Reply } from "../model/store.ts";
import type { Field } from "../model/types.gen.ts";
import { isArray } from "../short.ts";
import { type Control, controlOf, fill, read } from "./fields.ts";

export interface FieldForm {
  element: HTMLFormElement;
  controls: Control[];
  /** Puts an example into the fields: an object by name, anything else into the first. */
  fill(example: unknown): void;
  /** Says what was wrong, and with which fields; "" takes it back. */
  refuse(message: string, names?: readonly unknown[]): void;
  /** Shows a refusal, if the reply is one. */
  settle(reply: Reply): void;
}

type Values = Record<string, unknown>;

/** `submit` is given the values by field name; those left empty are missing. */
export function makeForm(fields: readonly Field[], submit: (values: Values) => void, ...children: Child[]): FieldForm {
  const controls = fields.map(controlOf);
  const message = h("p", { class: "error", role: "alert", hidden: true });
  const rows = fields.map((field, i) => rowOf(field, controls[i] as Control, fields.length < 2));
  const element = h("form", { class: "form", novalidate: true }, d("fields", ...rows), message, ...children);

  const refuse = (words: string, names: readonly unknown[] = []) => {
    message.textContent = words;
    message.hidden = !words;
    for (const control of controls) {
      setAttribute(control, "aria-invalid", String(names.includes(control.name)));
    }
    controls.find(({ name }) => names.includes(name))?.focus();
  };
  const send = (event: Event) => {
    event.preventDefault();
    const values: Values = {};
    for (const [i, field] of fields.entries()) {
      const typed = read(field, controls[i] as Control);
      if (typed && "error" in typed) {
        refuse(typed.error, [field.name]);
        return;
      }
      if (typed) {
        values[field.name] = typed.value;
      }
    }
    refuse("");
    submit(values);
  };
  listen(element, "submit", send);
  listen(element, "keydown", (event: KeyboardEvent) => {
    // With Shift it is a new line, and while a word is being composed Enter is the input method's.
    if (
      event.key === "Enter" &&
      !event.shiftKey &&
      !event.isComposing &&
      !(event.target as Element).closest("button")
    ) {
      send(event);
    }
  });
  return {
    element,
    controls,
    refuse,
    settle(reply) {
      if (reply.kind === "refused") {
        refuse(reply.message, isArray(reply.fields) ? reply.fields : []);
      }
    },
    fill(example) {
      const named = typeof example === "object" && example !== null && !isArray(example);
      fields.forEach((field, i) => {
        const value = named ? (example as Values)[field.name] : i ? undefined : example;
        if (value !== undefined) {
          fill(field, controls[i] as Control, value);
        }
      });
      controls[0]?.focus();
    },
  };
}

function rowOf({ title, required }: Field, control: Control, only: boolean): HTMLElement {
  if (only) {
    setAttribute(control, "aria-label", title);
    return d("field", control);
  }
  const words = h("span", {}, title, required && " *");
  return h("label", { class: "field" }, words, control);
}

/** A button for each of some values. */
export function chips<T>(values: readonly T[], words: (value: T) => string, take: (value: T) => void): HTMLElement {
  return d("chips", ...values.map((value) => button(words(value), () => take(value), {}, words(value))));
}
