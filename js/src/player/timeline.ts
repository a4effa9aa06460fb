// What ran when: a bar for each span, in the order they started. It is drawn once for a tape; playback moves a line.
import { d, h, listen, renew, setAttribute } from "../dom.ts";
import { glyphOf, preview, seconds, tokens, wordOf } from "../format.ts";
import { iconOf } from "../icons.ts";
import type { Span } from "../model/span.ts";
import type { RunState } from "../model/state.ts";
import type { Event } from "../model/types.gen.ts";
import { max, min, round, valuesOf } from "../short.ts";
import { namesOf } from "./moments.ts";
import type { Tape } from "./tape.ts";

export interface Timeline {
  element: HTMLElement;
  draw(tape: Tape, log: readonly Event[]): void;
  /** Moves the line to a moment of the run, in seconds. */
  write(clock: number): void;
}

/** More rows than this are not drawn: nobody reads them, and a page would crawl. */
const MOST = 1000;

/** `seek` goes to a moment of the run, `open` to a node. */
export function makeTimeline(seek: (t: number) => void, open: (node: string) => void): Timeline {
  const line = d("now");
  const rows = d("rows");
  const scale = d("scale");
  const element = h("div", { class: "timeline", hidden: true, role: "group", "aria-label": "Timeline" });
  element.append(scale, rows);
  let length = 1;

  const place = (part: HTMLElement, from: number, to: number): HTMLElement => {
    part.style.left = `${(100 * from) / length}%`;
    part.style.width = `${(100 * max(0, to - from)) / length}%`;
    return part;
  };
  const barOf = (span: Span, waits: readonly Wait[]): HTMLElement => {
    const end = span.end ?? length;
    const first = span.firstToken === null ? null : span.began + span.firstToken;
    const bar = place(d("span"), span.began, end);
    bar.dataset.status = span.retracted ? "skipped" : span.status;
    const inner = [
      first !== null && inside(d("silent"), span.began, end, span.began, first),
      ...waits.map(({ from, to }) => inside(d("asked"), span.began, end, from, to)),
    ];
    bar.append(...inner.filter((part) => part !== false));
    return bar;
  };
  const rowOf = (span: Span, run: RunState, title: string, waits: readonly Wait[]): HTMLElement => {
    const { def } = run.nodes.get(span.node) ?? {};
    const name = h("button", { type: "button", click: () => open(run.card(span.node)) });
    name.append(iconOf(def ?? { id: "", title, type: "node" }), h("span", {}, title));
    name.style.paddingLeft = `${6 + 12 * depthOf(span, run)}px`;
    const row = d("lane", name, d("track", barOf(span, waits)));
    row.title = numbersOf(span, title);
    setAttribute(name, "aria-label", row.title);
    row.dataset.type = def?.type ?? "node";
    return row;
  };
  listen(rows, "click", (event: MouseEvent) => {
    const track = (event.target as Element).closest(".lfw-track");
    if (track) {
      const { left, width } = track.getBoundingClientRect();
      seek((length * (event.clientX - left)) / (width || 1));
    }
  });
  return {
    element,
    draw(tape, log) {
      const { whole } = tape;
      length = whole.duration ?? tape.times.at(-1) ?? 1;
      length ||= 1e-6;
      const waits = waitsOf(log, length);
      const nameOf = namesOf(whole);
      const spans = valuesOf(whole.spans);
      renew(
        scale,
        ...ticksOf(length).map((t) => place(h("i", { class: t > 0.92 * length && "last" }, seconds(t)), t, t)),
      );
      renew(
        rows,
        ...spans.slice(0, MOST).map((span) => rowOf(span, whole, nameOf(span.node), waits.get(span.id) ?? [])),
        ...(spans.length > MOST ? [h("p", {}, `${spans.length - MOST} more are not drawn.`)] : []),
        d("track", line),
      );
      rows.lastElementChild?.classList.add("lfw-cursor");
    },
    write(clock) {
      line.style.left = `${(100 * min(clock, length)) / length}%`;
    },
  };
}

interface Wait {
  from: number;
  to: number;
}

/** A part of a bar, from `start` to `end`, as shares of it. */
function inside(part: HTMLElement, start: number, end: number, from: number, to: number): HTMLElement {
  const length = end - start || 1;
  part.style.left = `${(100 * (from - start)) / length}%`;
  part.style.width = `${(100 * (min(to, end) - from)) / length}%`;
  return part;
}

/** When spans waited for a person, by span. */
function waitsOf(log: readonly Event[], end: number): Map<string, Wait[]> {
  const open = new Map<string, Wait>();
  const waits = new Map<string, Wait[]>();
  for (const event of log) {
    if (event.kind === "input.requested") {
      const wait = { from: event.t, to: end };
      open.set(event.request, wait);
      waits.set(event.span, [...(waits.get(event.span) ?? []), wait]);
    } else if (event.kind === "input.given") {
      const wait = open.get(event.request);
      if (wait) {
        wait.to = event.t;
      }
    }
  }
  return waits;
}

function depthOf(span: Span, run: RunState): number {
  let depth = 0;
  for (let at = run.spans.get(span.parent ?? ""); at && depth < 6; at = run.spans.get(at.parent ?? "")) {
    depth += 1;
  }
  return depth;
}

/** The numbers of a span, for the pointer that rests on its bar. */
function numbersOf(span: Span, title: string): string {
  const spoken = (span.duration ?? 0) - (span.firstToken ?? 0);
  const count = span.usage?.output_tokens ?? span.chunks;
  const parts = [
    `${title}: ${glyphOf(span.status)} ${span.retracted ? "withdrawn" : wordOf(span.status)}`,
    span.index !== null && `item ${span.index + 1}`,
    span.attempt > 1 && `attempt ${span.attempt}`,
    `from ${seconds(span.began)} to ${seconds(span.end ?? span.began)}`,
    `took ${seconds(span.duration ?? 0)}`,
    span.firstToken !== null && `first token after ${seconds(span.firstToken)}`,
    tokens(count),
    count && spoken > 0 && span.firstToken !== null && `${round(count / spoken)} tokens/s`,
    span.error && preview(`${span.error.type}: ${span.error.message}`, 200),
  ];
  return parts.filter(Boolean).join("\n");
}

/** At most seven round numbers from 0 to the end. */
export function ticksOf(length: number): number[] {
  const rough = length / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  return Array.from({ length: Math.floor(length / size) + 1 }, (_, i) => i * size);
}
