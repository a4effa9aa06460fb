// A packed log as events: the twin of `unpack` in lfwidget/record/pack.py, which describes the layout.
import { inflate } from "../inflate.ts";
import { usable } from "../model/messages.ts";
import type { Event } from "../model/types.gen.ts";
import { isArray } from "../short.ts";

/** The highest layout that is understood. */
const VERSION = 1;
const REF = "\u0001";
const MICRO = 1e6;

interface Stream {
  text: string;
  sizes: number[];
  cuts: number[];
  dts: number[];
  [field: string]: unknown;
}

interface Packed {
  version: number;
  about: About;
  t?: number[];
  at?: number[];
  rows: unknown[];
  streams: Stream[];
  texts: string[];
}

/** What a record says of itself. */
export interface About {
  flow?: string;
  name?: string;
  started_at?: string;
  models?: string[];
}

/** The head and the events. Throws where the text is no packed log, or a newer one. */
export async function unpack(packed: string): Promise<{ about: About; events: Event[] }> {
  const { version, about, t, at, rows, streams, texts } = JSON.parse(await inflate(packed)) as Packed;
  if (!(version <= VERSION)) {
    throw new Error("This record was made by a newer lfwidget.");
  }
  const deltas = streams.map((stream) => deltasOf({ ...stream, text: whole(stream.text, texts) as string }));
  let now = 0;
  const events = rows.map((row, i) => {
    now += t?.[i] ?? 0;
    const fields = typeof row === "number" ? deltas[row]?.next().value : whole(row, texts);
    return usable({ ...(fields as object), seq: i + 1, t: at?.[i] ?? now / MICRO }) as unknown as Event;
  });
  return { about, events };
}

/** The deltas of a stream, one after the other. Cuts count code points, which are the units of a string only where it
 * has none outside the basic plane. */
function* deltasOf({ text, sizes, cuts, dts, ...where }: Stream): Generator<object> {
  const points = cuts.reduce((sum, cut) => sum + cut, 0) === text.length ? null : Array.from(text);
  let token = 0;
  let at = 0;
  for (const size of sizes) {
    const mine = cuts.slice(token, token + size);
    const end = at + mine.reduce((sum, cut) => sum + cut, 0);
    const said = points ? points.slice(at, end).join("") : text.slice(at, end);
    yield { kind: "node.delta", ...where, text: said, cuts: mine, dts: dts.slice(token, token + size) };
    token += size;
    at = end;
  }
}

/** A value with its references replaced by the texts. */
function whole(value: unknown, texts: readonly string[]): unknown {
  if (typeof value === "string") {
    return value.startsWith(REF) ? (texts[Number(value.slice(1))] ?? "") : value;
  }
  if (isArray(value)) {
    return value.map((item) => whole(item, texts));
  }
  return value && typeof value === "object"
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, whole(item, texts)]))
    : value;
}
