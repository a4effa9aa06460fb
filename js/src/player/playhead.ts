// Where playback is: which step is shown at which moment, at which speed, and how long waits are. No DOM, no clock.

import { max, min } from "../short.ts";
import type { Tape } from "./tape.ts";

/** By the time it took, or every token for the same time: slow motion, to be read along. */
export type Pace = "time" | "tokens";

/** A silence is shortened to this (s). */
const SILENCE = 1;
/** In slow motion, how long a token takes, and how long anything else that happens to a node (s). */
const TOKEN = 0.12;
const EVENT = 0.6;

export interface Playhead {
  speed: number;
  pace: Pace;
  /** Whether long silences are shortened. */
  shorten: boolean;
  /** How many steps have happened. */
  readonly step: number;
  /** Where it is and where it ends, in seconds of playback at speed 1. */
  readonly at: number;
  readonly end: number;
  /** Seconds of the run. */
  readonly clock: number;
  /** Moves by so many seconds of the wall's clock; false at the end. */
  advance(seconds: number): boolean;
  /** To a moment of playback. */
  seek(at: number): void;
  /** To just after a number of steps. */
  go(step: number): void;
  /** When a step is played, in seconds of playback. */
  moment(step: number): number;
  /** To be called when `pace` or `shorten` was changed: what is shown stays. */
  retime(): void;
}

export function makePlayhead(tape: Tape): Playhead {
  let moments = new Float64Array(tape.length);
  let step = tape.length;
  let at = 0;

  const retime = () => {
    let sum = 0;
    moments = Float64Array.from({ length: tape.length }, (_, i) => {
      sum += gap(i);
      return sum;
    });
    at = momentOf(step);
  };
  const gap = (i: number): number => {
    if (head.pace === "tokens") {
      return tape.isToken(i) ? TOKEN : /^node\.(?!delta)|^run\.f/.test(tape.event(i).kind) ? EVENT : 0;
    }
    const time = (tape.times[i] ?? 0) - (tape.times[i - 1] ?? 0);
    return head.shorten ? min(time, SILENCE) : time;
  };
  const momentOf = (steps: number): number => (steps > 0 ? (moments[steps - 1] ?? 0) : 0);

  const head: Playhead = {
    speed: 1,
    pace: "time",
    shorten: true,
    retime,
    get step() {
      return step;
    },
    get at() {
      return at;
    },
    get end() {
      return moments.at(-1) ?? 0;
    },
    get clock() {
      const [before, after] = [tape.times[step - 1] ?? 0, tape.times[step]];
      const length = (moments[step] ?? 0) - momentOf(step);
      const share = length > 0 ? (at - momentOf(step)) / length : 0;
      return after === undefined ? before : before + (after - before) * max(0, min(1, share));
    },
    advance(seconds) {
      head.seek(at + seconds * head.speed);
      return at < head.end;
    },
    seek(to) {
      at = max(0, min(head.end, to));
      step = stepsUntil(moments, at);
    },
    go(to) {
      step = max(0, min(tape.length, to));
      at = momentOf(step);
    },
    moment: (i) => moments[i] ?? 0,
  };
  retime();
  return head;
}

/** How many of the ordered moments have come by then. */
export function stepsUntil(moments: Float64Array, at: number): number {
  let [low, high] = [0, moments.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((moments[middle] as number) <= at) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
