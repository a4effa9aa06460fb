// What a node asks a person, with the means to answer. It stands on the node's card.
import { d, h, toggle } from "../dom.ts";
import { preview } from "../format.ts";
import type { Store } from "../model/store.ts";
import type { InputRequested } from "../model/types.gen.ts";
import { fieldsOf } from "./fields.ts";
import { chips, makeForm } from "./form.ts";

export interface Question {
  element: HTMLElement;
  /** Looks whether the answer was refused: then it can be given again. */
  settle(): void;
}

export function makeQuestion(asked: InputRequested, store: Store): Question {
  const { schema, choices = [], hint = "" } = asked;
  const fields = fieldsOf(schema);
  const bare = fields[0]?.name === "";
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
  const send = h("button", { class: "send" }, "Answer");
  const form = makeForm(fields, (values) => answer(bare ? values[""] : values), send);
  form.controls[0]?.setAttribute("placeholder", hint);
  // The choices of a schema are all that it allows.
  toggle(form.element, "only-message", !!schema && choices.length > 0);
  const element = d(
    "question",
    h("p", {}, preview(asked.prompt, 2000)),
    choices.length > 0 &&
      chips(
        choices,
        (choice) => choice.title,
        (choice) => answer(choice.value),
      ),
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
