// The fields of a form: a control for each type, and what was typed as a value.
import { h, listen } from "../dom.ts";
import { pretty, preview } from "../format.ts";
import type { Field } from "../model/types.gen.ts";
import { isFiniteNumber, isSafeInteger, stringify } from "../short.ts";

export type Control = HTMLTextAreaElement | HTMLInputElement | HTMLSelectElement;
/** What was typed: a value, nothing at all, or why it is none. */
export type Typed = { value: unknown } | { error: string } | null;

/** The control for a field, with its default in it. */
export function controlOf(field: Field): Control {
  const { type, choices = [], description = "" } = field;
  const control =
    type === "boolean"
      ? h("input", { type: "checkbox" })
      : type === "number" || type === "integer"
        ? h("input", { type: "number", step: "any" })
        : type === "choice"
          ? h(
              "select",
              {},
              ...["Choose…", ...choices].map((each, i) => h("option", { value: i - 1 }, preview(each, 60))),
            )
          : textBox(type);
  control.name = field.name;
  control.title = description;
  if (field.default !== undefined) {
    fill(field, control, field.default);
  }
  return control;
}

/** As high as its lines, up to a limit that the style sets; a browser that can also counts the lines that wrap. */
function textBox(type: string): HTMLTextAreaElement {
  const box = h("textarea", { rows: 1, class: type === "json" && "json" });
  listen(box, "input", () => {
    box.rows = box.value.split("\n").length;
  });
  return box;
}

export function fill(field: Field, control: Control, value: unknown): void {
  if (field.type === "boolean") {
    (control as HTMLInputElement).checked = value === true;
  } else {
    const at = field.choices?.findIndex((choice) => stringify(choice) === stringify(value));
    control.value = field.type === "choice" ? String(at) : pretty(value);
  }
  control.dispatchEvent(new Event("input"));
}

export function read(field: Field, control: Control): Typed {
  return field.type === "boolean" ? { value: (control as HTMLInputElement).checked } : parse(field, control.value);
}

/** What was typed into a field as its value. A number input says "" for what is no number. */
export function parse({ type, title, required, choices }: Field, raw: string): Typed {
  if (!raw.trim() || (type === "choice" && !choices?.[Number(raw)] && !(Number(raw) in (choices ?? [])))) {
    return required ? { error: `${title} is needed.` } : null;
  }
  const number = Number(raw);
  switch (type) {
    case "integer":
      return isSafeInteger(number) ? { value: number } : { error: `${title} must be a whole number.` };
    case "number":
      return isFiniteNumber(number) ? { value: number } : { error: `${title} must be a number.` };
    case "choice":
      return { value: choices?.[number] };
    case "json":
      return parseJson(title, raw);
    default:
      return { value: raw };
  }
}

function parseJson(title: string, raw: string): Typed {
  try {
    return { value: JSON.parse(raw) };
  } catch (error) {
    return { error: `${title} is not valid JSON: ${(error as Error).message}` };
  }
}

type Schema = Record<string, unknown>;

/** The fields that ask for a value of a JSON Schema: one without a name for a plain value, one each for an object's. */
export function fieldsOf(schema: Schema = {}): Field[] {
  const { properties, required = [] } = schema as { properties?: Record<string, Schema>; required?: string[] };
  return properties
    ? Object.entries(properties).map(([name, each]) => fieldOf(name, each, required.includes(name)))
    : [fieldOf("", schema, true)];
}

const PLAIN = ["boolean", "number", "integer"];

function fieldOf(name: string, schema: Schema, required: boolean): Field {
  const kind = String(schema.type);
  const choices = schema.enum;
  const type = choices
    ? "choice"
    : PLAIN.includes(kind)
      ? kind
      : kind === "object" || kind === "array"
        ? "json"
        : "text";
  return {
    name,
    title: String(schema.title ?? (name || "Answer")),
    type: type as Field["type"],
    required,
    ...(choices ? { choices: choices as unknown[] } : {}),
    ...("default" in schema ? { default: schema.default } : {}),
  };
}
