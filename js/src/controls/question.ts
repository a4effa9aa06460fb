// What a node asks a person, with the means to answer. It stands on the node's card.
import { d, h } from "../dom.ts";
import { preview } from "../format.ts";
import type { Store } from "../model/store.ts";
import type { InputRequested } from "../model/types.gen.ts";
import { fieldsOf } from "./fields.ts";
import { chips, makeForm } from "./form.ts";

/** As many choices are offered as buttons, more as a list. */
const MOST_BUTTONS = 4;

export interface Question {
  element: HTMLElement;
  /** Looks whether the answer was refused: then it can be given again. */
  settle(): void;
}

export function makeQuestion(asked: InputRequested, store: Store): Question {
  const fields = fieldsOf(asked.schema);
  const [first] = fields;
  const bare = first?.name === "";
  let request = "";
  const wait = (on: boolean) => {
    for (const each of element.querySelectorAll("button")) {
      each.disabled = on;
    }
  };
  const answer = (value: unknown) => {
    request = store.answer(store.shown, asked.request, value);
    wait(true);
  };
  const send = h("button", { class: "lfw-send" }, "Answer");
  const form = makeForm(fields, (values) => answer(bare ? values[""] : values), send);
  const choices = bare && first?.choices && first.choices.length <= MOST_BUTTONS ? first.choices : [];
  form.element.classList.toggle("lfw-only-message", choices.length > 0);
  const element = d(
    "question",
    h("p", {}, preview(asked.prompt, 2000)),
    choices.length > 0 && chips(choices, wordOf, answer),
    form.element,
  );
  return {
    element,
    settle() {
      const reply = store.replies.get(request);
      if (reply?.kind === "refused") {
        form.settle(reply);
        wait(false);
      }
    },
  };
}

const wordOf = (choice: unknown): string =>
  typeof choice === "boolean" ? (choice ? "Yes" : "No") : preview(choice, 60);
