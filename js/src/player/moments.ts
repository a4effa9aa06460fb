// What the steps of a tape mean to a person: which of them are marked, which one goes to, how one is called.
import type { RunState } from "../model/state.ts";
import type { Event } from "../model/types.gen.ts";
import { max, min, valuesOf } from "../short.ts";
import type { Tape } from "./tape.ts";

export type Mark = "start" | "end" | "error" | "note";

/** What to call each node: its title, or its id where others have the same title. */
export function namesOf({ nodes }: RunState): (id: string) => string {
  const titles = valuesOf(nodes).map(({ def }) => def?.title);
  return (id) => {
    const title = nodes.get(id)?.def?.title;
    return title && titles.indexOf(title) === titles.lastIndexOf(title) ? title : id;
  };
}

const MARKS: Record<string, Mark> = {
  "node.started": "start",
  "node.finished": "end",
  "node.cancelled": "end",
  "node.failed": "error",
  "run.failed": "error",
  note: "note",
};

/** How an event is marked on the scrub bar; most are not. */
export const markOf = ({ kind }: Event): Mark | undefined => MARKS[kind];

const STOPS = /^node\.(?!delta|text)|^input|^note|^run/;

/** Whether stepping from node event to node event stops after this one. */
export const isStop = ({ kind }: Event): boolean => STOPS.test(kind);

const DONE: Record<string, string> = {
  "node.started": "starts",
  "node.finished": "is done",
  "node.failed": "fails",
  "node.cancelled": "is stopped",
  "node.skipped": "is skipped",
  "node.retracted": "is withdrawn",
  "node.delta": "speaks",
  "input.requested": "asks",
  "input.given": "is answered",
};

/** A step in words, for a screen reader. */
export function wordsOf(tape: Tape, step: number): string {
  if (step < 0) {
    return "the start";
  }
  const event = tape.event(step);
  const done = DONE[event.kind];
  return "node" in event && event.node && done
    ? `${namesOf(tape.whole)(event.node)} ${done}`
    : event.kind.replace(".", " ");
}

/** How many steps have happened after the next one of that kind from `step` on, in either direction. */
export function nextStop(tape: Tape, step: number, kind: "token" | "node", direction: 1 | -1): number {
  const stops = (i: number) => (kind === "token" ? tape.isToken(i) : !tape.isToken(i) && isStop(tape.event(i)));
  let at = direction > 0 ? step : step - 2;
  while (at >= 0 && at < tape.length && !stops(at)) {
    at += direction;
  }
  return max(0, min(tape.length, at + 1));
}
