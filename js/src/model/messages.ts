// What the kernel and the page say to each other, and the check of what arrives.
import type { Event } from "./types.gen.ts";

export type Incoming =
  | { kind: "frame"; run: string; events: Event[] }
  | { kind: "beat"; busy: boolean }
  | { kind: "refused"; request: string; message: string; fields: string[] }
  | { kind: "started"; request: string; run: string }
  | { kind: "head"; run: string; seq: number }
  | { kind: "pong" };

export type Outgoing =
  | { kind: "resync"; run: string; have: number }
  | { kind: "start"; request: string; input: unknown }
  | { kind: "cancel"; run: string }
  | { kind: "answer"; request: string; run: string; question: string; value: unknown }
  | { kind: "ping" };

type Fields = Record<string, unknown>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isString = (value: unknown): value is string => typeof value === "string";

/** The message, or null where it is none: an unknown kind is a newer kernel's, anything else is rubbish. */
export function parse(message: unknown): Incoming | null {
  if (!isObject(message)) {
    return null;
  }
  const { kind, run, request } = message;
  switch (kind) {
    case "frame":
      return isString(run) && Array.isArray(message.events) && message.events.every(isStamped)
        ? { kind, run, events: message.events.map(usable) }
        : null;
    case "beat":
      return { kind, busy: message.busy === true };
    case "refused":
      return {
        kind,
        request: isString(request) ? request : "",
        message: isString(message.message) ? message.message : "The kernel refused this.",
        fields: Array.isArray(message.fields) ? message.fields.filter(isString) : [],
      };
    case "started":
      return isString(run) && isString(request) ? { kind, request, run } : null;
    case "head":
      return isString(run) && isCount(message.seq) ? { kind, run, seq: message.seq } : null;
    case "pong":
      return { kind };
    default:
      return null;
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isError = (value: unknown): boolean => isObject(value) && isString(value.type) && isString(value.message);
const isChannel = (value: unknown): boolean => value === "text" || value === "reasoning" || value === "tool_call";
const isNumbers = (value: unknown): boolean => Array.isArray(value) && value.every((item) => typeof item === "number");

/** What each kind must carry for the fold to be able to use it. Kinds that are not here are kept and passed over. */
const REQUIRED: Record<string, Record<string, (value: unknown) => boolean>> = {
  "run.started": { run_id: isString, flow: isString, graph: isGraph },
  "graph.changed": { nodes: isNodes, edges: isEdges },
  "node.started": { node: isString, span: isString },
  "node.delta": { span: isString, channel: isChannel, text: isString, cuts: isNumbers, dts: isNumbers },
  "node.text": { span: isString, channel: isChannel, text: isString },
  "node.finished": { span: isString },
  "node.failed": { span: isString, error: isError },
  "node.cancelled": { span: isString },
  "node.retracted": { span: isString },
  "node.skipped": { node: isString },
  log: { message: isString },
  note: { text: isString },
  "input.requested": { node: isString, span: isString, request: isString },
  "input.given": { span: isString, request: isString },
  "run.failed": { error: isError },
};

type Stamped = Fields & { seq: number; t: number; kind: string };

function isStamped(value: unknown): value is Stamped {
  return isObject(value) && isCount(value.seq) && isString(value.kind) && Number.isFinite(value.t);
}

/** An event that lacks something keeps its place, under a kind that nobody folds: without it the rest would wait. */
function usable(event: Stamped): Event {
  const missing = Object.entries(REQUIRED[event.kind] ?? {}).find(([field, check]) => !check(event[field]));
  if (!missing) {
    return event as unknown as Event;
  }
  console.warn(`lfwidget: event ${event.seq} (${event.kind}) has no usable ${missing[0]}; it is passed over.`);
  return { seq: event.seq, t: event.t, kind: "unusable" } as unknown as Event;
}

export function isGraph(value: unknown): boolean {
  return isObject(value) && isNodes(value.nodes) && isEdges(value.edges);
}

function isNodes(value: unknown): boolean {
  return Array.isArray(value) && value.every((node) => isObject(node) && isString(node.id) && isString(node.title));
}

function isEdges(value: unknown): boolean {
  return (
    Array.isArray(value) && value.every((edge) => isObject(edge) && isString(edge.source) && isString(edge.target))
  );
}
