// @vitest-environment happy-dom
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { controlOf, fieldsOf, fill, parse, read } from "../../src/controls/fields.ts";
import type { Field } from "../../src/model/types.gen.ts";

const field = (type: Field["type"], more: Partial<Field> = {}): Field => ({ name: "x", title: "X", type, ...more });

describe("a field", () => {
  it.each([
    ["text", "hello", "hello"],
    ["number", "1.5", 1.5],
    ["integer", "12", 12],
    ["json", '{"a": [1]}', { a: [1] }],
  ] as const)("of type %s reads %s", (type, raw, value) => {
    expect(parse(field(type), raw)).toEqual({ value });
  });

  it.each([
    ["number", "many", "X must be a number."],
    ["integer", "1.5", "X must be a whole number."],
    ["json", "{a}", expect.stringContaining("X is not valid JSON")],
  ] as const)("of type %s refuses %s", (type, raw, error) => {
    expect(parse(field(type), raw)).toEqual({ error });
  });

  it("that is empty is missing, or needed", () => {
    expect(parse(field("text"), " ")).toBeNull();
    expect(parse(field("text", { required: true }), " ")).toEqual({ error: "X is needed." });
  });

  it("gives a choice back as the value it was, whatever its type", () => {
    const choices = [1, "one", null, { a: 1 }, false];
    const chooser = field("choice", { choices });
    const control = controlOf(chooser);
    expect(read(chooser, control)).toBeNull();
    for (const value of choices) {
      fill(chooser, control, value);
      expect(read(chooser, control)).toEqual({ value });
    }
  });

  it("shows its default", () => {
    expect(controlOf(field("integer", { default: 7 })).value).toBe("7");
    expect((controlOf(field("boolean", { default: true })) as HTMLInputElement).checked).toBe(true);
    expect(controlOf(field("text")).value).toBe("");
  });

  it("that asks for JSON gives back any value it was filled with", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(typeof value !== "string");
        const json = field("json", { default: value });
        expect(read(json, controlOf(json))).toEqual({ value: JSON.parse(JSON.stringify(value)) });
      }),
    );
  });

  it("grows with its lines", () => {
    const control = controlOf(field("text", { default: "a\nb\nc" })) as HTMLTextAreaElement;
    expect(Number(control.rows)).toBe(3);
  });
});

describe("the fields of a schema", () => {
  it("are one without a name for a plain value", () => {
    expect(fieldsOf(undefined)).toMatchObject([{ name: "", type: "text", required: true }]);
    expect(fieldsOf({ type: "integer" })).toMatchObject([{ name: "", type: "integer" }]);
    expect(fieldsOf({ type: "array" })).toMatchObject([{ name: "", type: "json" }]);
    expect(fieldsOf({ type: "boolean" })).toMatchObject([{ type: "boolean" }]);
  });

  it("are one for each property of an object", () => {
    const schema = {
      properties: {
        ok: { type: "boolean" },
        why: { type: "string", title: "Why?", default: "-" },
        how: { enum: [1, 2] },
      },
      required: ["ok"],
    };
    expect(fieldsOf(schema)).toMatchObject([
      { name: "ok", type: "boolean", required: true },
      { name: "why", title: "Why?", type: "text", required: false, default: "-" },
      { name: "how", type: "choice", choices: [1, 2] },
    ]);
  });
});
