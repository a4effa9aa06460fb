// Values as a person reads them.
import type { NodeStatus } from "./model/node.ts";
import type { Usage } from "./model/types.gen.ts";
import { isArray, joined, max, round, stringify } from "./short.ts";

/** What a card says of itself; `lost` is a run whose kernel is gone. */
export type ShownStatus = NodeStatus | "lost";

const WORDS: Record<ShownStatus, readonly [glyph: string, word: string]> = {
  idle: ["○", "ready"],
  running: ["◐", "running"],
  waiting: ["?", "waiting for you"],
  finished: ["✓", "done"],
  failed: ["✕", "error"],
  cancelled: ["■", "stopped"],
  skipped: ["⊘", "skipped"],
  lost: ["⚠", "interrupted"],
};

export const glyphOf = (status: ShownStatus): string => WORDS[status][0];
export const wordOf = (status: ShownStatus): string => WORDS[status][1];

/** `843 ms`, `3.4 s`, `2:05 min`. */
export function seconds(value: number): string {
  if (value < 0.9995) {
    return `${max(0, round(value * 1000))} ms`;
  }
  if (value < 99.95) {
    return `${value.toFixed(1)} s`;
  }
  const whole = round(value);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} min`;
}

/** `1,234`: grouped the same everywhere, since a record is read in many places. */
export const count = (value: number): string => GROUPED.format(value);
const GROUPED = new Intl.NumberFormat("en");

/** Nothing where there are none: most nodes are no models. */
export const tokens = (value: number): string => (value ? `${count(value)} tok` : "");

export function usage(value: Usage | null): string {
  const { input_tokens: into, output_tokens: out } = value ?? {};
  return joined([into != null && `${count(into)} in`, out != null && `${count(out)} out`]);
}

/** A string as it is, anything else as indented JSON. */
export function pretty(value: unknown): string {
  return typeof value === "string" ? value : stringify(value, null, 2);
}

/** JSON text, indented where it is whole; as it came while it still streams. */
export function prettyJson(text: string): string {
  try {
    return stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

type Fields = Record<string, unknown>;
const TEXT_KEYS = ["content", "text", "page_content", "output", "answer", "result"];

/** The text a person looks for in a value; the twin of lfwidget/model/preview.py. */
export function preview(value: unknown, limit = 400): string {
  const text = words(value, limit);
  return text.length <= limit ? text : `${text.slice(0, limit - 1).trimEnd()}…`;
}

function words(value: unknown, limit: number): string {
  if (value === null || value === undefined) {
    return "";
  }
  if (typeof value === "string") {
    return value.slice(0, limit + 1);
  }
  if (isArray(value)) {
    const items = value.slice(0, limit);
    const typed = items.length > 0 && items.every((item) => isObject(item) && "type" in item);
    const said = items.map((item) => words(item, limit));
    return typed ? said.filter(Boolean).join("\n") : said.join(", ");
  }
  return isObject(value) ? fieldsIn(value, limit) : stringify(value);
}

function fieldsIn(value: Fields, limit: number): string {
  const { messages, tool_calls: calls } = value;
  if (isArray(messages) && messages.length > 0) {
    return words(messages.at(-1), limit);
  }
  const key = TEXT_KEYS.find((name) => value[name]);
  const said = key ? words(value[key], limit) : "";
  if (!said && isArray(calls) && calls.length > 0) {
    return calls.map(callIn).join(", ");
  }
  const names = Object.keys(value);
  return said && ("type" in value || names.length === 1)
    ? said
    : names.map((name) => `${name}: ${words(value[name], limit)}`).join(", ");
}

function callIn(call: unknown): string {
  if (!isObject(call)) {
    return words(call, 400);
  }
  return `${call.name ?? "tool"}(${typeof call.args === "string" ? call.args : stringify(call.args)})`;
}

const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null;
