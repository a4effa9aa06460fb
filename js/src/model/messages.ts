// What the kernel and the page say to each other, and the check of what arrives.

import { isArray, isFiniteNumber, isSafeInteger } from "../short.ts";
import type { Event } from "./types.gen.ts";

export type Incoming =
  | { kind: "frame"; run: string; events: Event[] }
  | { kind: "beat"; busy?: boolean }
  | Refusal
  | { kind: "started"; request: string; run: string }
  | { kind: "head"; run: string; seq: number }
  | { kind: "kept"; run: string; token: string }
  | { kind: "player"; code: string }
  | { kind: "pong" };

/** Something that was asked and not done, with the names of the fields at fault where these are known. */
export interface Refusal {
  kind: "refused";
  request: string;
  message: string;
  fields?: unknown;
}

export type Outgoing =
  | { kind: "resync"; run: string; have: number }
  | { kind: "start"; request: string; input: unknown }
  | { kind: "cancel"; run: string }
  | { kind: "answer"; request: string; run: string; question: string; value: unknown }
  | { kind: "note"; request: string; run: string; node: string; text: string; moment: number }
  | { kind: "keep"; request: string; run: string }
  | { kind: "player" }
  | { kind: "ping" };

type Fields = Record<string, unknown>;
type Check = (value: unknown) => boolean;

const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null && !isArray(value);
const isString: Check = (value) => typeof value === "string";
const isCount: Check = (value) => isSafeInteger(value) && (value as number) >= 0;
const all = (value: unknown, check: Check): boolean => isArray(value) && value.every(check);
const has = (value: unknown, ...names: string[]): boolean =>
  isObject(value) && names.every((name) => (CHECKS[name] ?? isString)(value[name]));

/** What a field must be, where it is not a string. */
const CHECKS: Record<string, Check> = {
  graph: (value) => has(value, "nodes", "edges"),
  nodes: (value) => all(value, (node) => has(node, "id", "title")),
  edges: (value) => all(value, (edge) => has(edge, "source", "target")),
  events: (value) => all(value, (event) => has(event, "seq", "t", "kind")),
  cuts: (value) => all(value, isFiniteNumber),
  dts: (value) => all(value, isFiniteNumber),
  channel: (value) => value === "text" || value === "reasoning" || value === "tool_call",
  error: (value) => has(value, "type", "message"),
  seq: isCount,
  t: isFiniteNumber,
};

type Needs = ReadonlyMap<unknown, string>;
// Maps, since a kind that is called "constructor" must not be found.
const table = (needs: Record<string, string>): Needs => new Map(Object.entries(needs));

const MESSAGES = table({
  frame: "run events",
  beat: "kind",
  refused: "request message",
  started: "request run",
  head: "run seq",
  kept: "run token",
  player: "code",
  pong: "kind",
});

/** What each kind must carry for the fold to be able to use it. Kinds that are not here are kept and passed over. */
const EVENTS = table({
  "run.started": "run_id flow graph",
  "run.failed": "error",
  "graph.changed": "nodes edges",
  "node.started": "node span",
  "node.delta": "span channel text cuts dts",
  "node.text": "span channel text",
  "node.finished": "span",
  "node.failed": "span error",
  "node.cancelled": "span",
  "node.retracted": "span",
  "node.skipped": "node",
  log: "message",
  note: "text",
  "input.requested": "node span request",
  "input.given": "span request",
});

const isWhole = (value: Fields, needs: Needs): boolean => has(value, ...(needs.get(value.kind)?.split(" ") ?? []));

export const isGraph = CHECKS.graph as Check;

/** The message with what came in its buffer: its events as JSON, which the kernel packs cheaper so, or code. */
export function unpack(message: unknown, buffer?: DataView): unknown {
  if (!buffer || !isObject(message)) {
    return message;
  }
  try {
    const text = new TextDecoder().decode(buffer);
    return message.kind === "player" ? { ...message, code: text } : { ...message, events: JSON.parse(text) };
  } catch {
    return null;
  }
}

/** The message, or null where it is none: an unknown kind is a newer kernel's, anything else is rubbish. */
export function parse(message: unknown): Incoming | null {
  if (!isObject(message) || !MESSAGES.has(message.kind) || !isWhole(message, MESSAGES)) {
    return null;
  }
  const events = (message.events as Fields[] | undefined)?.map(usable);
  return { ...message, events } as unknown as Incoming;
}

/** An event that lacks something keeps its place, under a kind that nobody folds: without it the rest would wait. */
export function usable(event: Fields): Fields {
  if (isWhole(event, EVENTS)) {
    return event;
  }
  console.warn("lfwidget: an event that is not whole is passed over", event);
  return { seq: event.seq, t: event.t, kind: "unusable" };
}
