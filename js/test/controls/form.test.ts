// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { makeForm } from "../../src/controls/form.ts";
import type { Field } from "../../src/model/types.gen.ts";
import { press } from "../helpers.ts";

const FIELDS: Field[] = [
  { name: "topic", title: "Topic", type: "text", required: true },
  { name: "words", title: "Words", type: "integer" },
  { name: "formal", title: "Formal", type: "boolean" },
];

function shown() {
  const sent: unknown[] = [];
  const form = makeForm(FIELDS, (values) => sent.push(values));
  document.body.replaceChildren(form.element);
  const control = (name: string) => form.element.querySelector(`[name=${name}]`) as HTMLInputElement;
  return { form, sent, control };
}

describe("a form", () => {
  it("sends its values by name, and leaves out what was left empty", () => {
    const { sent, control } = shown();
    control("topic").value = "entropy";
    press("Enter", control("topic"));
    expect(sent).toEqual([{ topic: "entropy", formal: false }]);
  });

  it("names the first field that is wrong, and sends nothing", () => {
    const { form, sent, control } = shown();
    press("Enter", control("topic"));
    expect(sent).toEqual([]);
    expect(form.element.querySelector("[role=alert]")?.textContent).toBe("Topic is needed.");
    expect(control("topic").getAttribute("aria-invalid")).toBe("true");
    expect(document.activeElement).toBe(control("topic"));
  });

  it("forgets what was wrong once it is right", () => {
    const { form, control } = shown();
    press("Enter", control("topic"));
    control("topic").value = "entropy";
    press("Enter", control("topic"));
    expect((form.element.querySelector("[role=alert]") as HTMLElement).hidden).toBe(true);
    expect(control("topic").getAttribute("aria-invalid")).toBe("false");
  });

  it("takes an example by name, and anything else into the first field", () => {
    const { form, control } = shown();
    form.fill({ topic: "time", words: 80, formal: true, other: 1 });
    expect([control("topic").value, control("words").value, control("formal").checked]).toEqual(["time", "80", true]);
    form.fill("space");
    expect([control("topic").value, control("words").value]).toEqual(["space", "80"]);
  });
});
