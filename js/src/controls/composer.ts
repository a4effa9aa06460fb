// The flow's input: a text box or a form, examples to start from, and Run.
import { d, h, renew } from "../dom.ts";
import { preview } from "../format.ts";
import { icon } from "../icons.ts";
import type { Store } from "../model/store.ts";
import type { Field, Form } from "../model/types.gen.ts";
import { stringify } from "../short.ts";
import { chips, type FieldForm, makeForm } from "./form.ts";

const TEXT: Field = { name: "input", title: "Input", type: "text" };

/** `stop` is the button that stops the run; it stands beside Run. */
export function makeComposer(store: Store, stop: HTMLElement) {
  const element = d("composer");
  const run = h("button", { class: "send" }, icon("play"), "Run");
  let form: FieldForm | undefined;
  let drawn: string | undefined;
  let request = "";

  const make = ({ kind, fields, examples, placeholder }: Form) => {
    const text = kind === "text";
    const asked = kind === "none" ? [] : text && fields.length === 0 ? [TEXT] : fields;
    const start = (values: Record<string, unknown>) => {
      request = store.start(text ? (Object.values(values)[0] ?? "") : values);
      write();
    };
    const made = makeForm(asked, start, d("buttons", stop, run));
    made.controls[0]?.setAttribute("placeholder", placeholder ?? (text ? "Type an input, Enter runs the flow" : ""));
    const words = (example: unknown) => preview(example, 60);
    renew(element, ...(examples.length > 0 ? [chips(examples, words, made.fill)] : []), made.element);
    return made;
  };
  /** What became of the last start; and nothing can be started without a kernel. */
  const write = () => {
    const reply = store.replies.get(request);
    if (reply) {
      request = "";
      form?.settle(reply);
    }
    const gone = store.connection.health === "gone";
    run.disabled = gone || request !== "";
    run.title = gone ? "The kernel is gone: run the cell again" : "Run the flow (Enter)";
  };
  /** Makes the form anew where it is another one; what somebody is typing stays otherwise. */
  const draw = () => {
    const key = stringify(store.form);
    if (key !== drawn) {
      drawn = key;
      element.hidden = !store.form;
      form = store.form ? make(store.form) : undefined;
    }
  };
  return { element, draw, write };
}
