// A run that can be wound: its log as steps (a token, or any other event) in the order they happened, and the state
// after any number of them, by the same fold as live.
import { makeRun, type RunState } from "../model/state.ts";
import type { Event, NodeDelta, Note } from "../model/types.gen.ts";
import { max, min, stringify } from "../short.ts";

export interface Tape {
  /** How many steps there are. */
  readonly length: number;
  /** When each step happened, in seconds of the run; never going back. */
  readonly times: Float64Array;
  /** The run after its last step. */
  readonly whole: RunState;
  /** The event of a step, and whether the step is one of its tokens. */
  event(step: number): Event;
  isToken(step: number): boolean;
  /** The state after so many steps. The object stays the same as long as it only grows; it is the tape's own. */
  wind(steps: number): RunState;
}

/** So many steps further it is cheaper to begin anew, since tokens that follow each other are then joined. */
const NEAR = 2000;

interface Part {
  event: NodeDelta;
  from: number;
  to: number;
}

export function makeTape(log: readonly Event[]): Tape {
  const { events, tokens, times, length } = stepsOf(log);
  const streams = streamsOf(log);
  const offsets = new Map<NodeDelta, Uint32Array>();
  let state = makeRun();
  let at = 0;

  const apply = (event: Event) => state.apply({ ...event, seq: state.seq + 1 });
  const slice = ({ event, from, to }: Part): string => {
    if (from === 0 && to === event.cuts.length) {
      return event.text;
    }
    let known = offsets.get(event);
    if (!known) {
      known = offsetsOf(event);
      offsets.set(event, known);
    }
    return event.text.slice(known[from], known[to]);
  };
  /** Some tokens of one stream, as one delta. The first one's time is kept: the time to the first token is of it. */
  const say = (parts: readonly Part[]) => {
    const [{ event, from }] = parts as [Part];
    const count = parts.reduce((sum, part) => sum + part.to - part.from, 0);
    apply({ ...event, text: parts.map(slice).join(""), cuts: new Array(count), dts: [event.dts[from] ?? 0] });
  };
  const play = (from: number, to: number) => {
    const held = new Map<number, Part[]>();
    const release = (span?: string) => {
      for (const [stream, parts] of held) {
        if (span === undefined || parts[0]?.event.span === span) {
          held.delete(stream);
          say(parts);
        }
      }
    };
    for (let step = from; step < to; step += 1) {
      const event = log[events[step] as number] as Event;
      const token = tokens[step] as number;
      if (token < 0) {
        release("span" in event ? event.span : undefined);
        apply(event);
      } else {
        hold(held, streams[events[step] as number] as number, event as NodeDelta, token);
      }
    }
    release();
  };
  const wind = (steps: number): RunState => {
    const target = max(0, min(length, steps));
    if (target < at || target - at > NEAR) {
      state = makeRun();
      at = 0;
    }
    play(at, target);
    at = target;
    return state;
  };
  const whole = wind(length);
  state = makeRun();
  at = 0;
  return {
    length,
    times,
    whole,
    wind,
    event: (step) => log[events[step] as number] as Event,
    isToken: (step) => (tokens[step] ?? -1) >= 0,
  };
}

function hold(held: Map<number, Part[]>, stream: number, event: NodeDelta, token: number): void {
  const parts = held.get(stream) ?? [];
  const last = parts.at(-1);
  if (last?.event === event && last.to === token) {
    last.to += 1;
  } else {
    parts.push({ event, from: token, to: token + 1 });
    held.set(stream, parts);
  }
}

interface Step {
  /** Place of its event in the log. */
  event: number;
  /** Which of its tokens; -1 for an event that has none. */
  token: number;
  time: number;
}

/** Every token and every other event, ordered by time. */
function stepsOf(log: readonly Event[]) {
  // The first event makes the run. Sorting is stable: what happened at one time stays in the order of the log.
  const steps = stepsInLog(log).sort((a, b) => (a.event && b.event ? a.time - b.time : a.event - b.event));
  return {
    length: steps.length,
    events: Uint32Array.from(steps, ({ event }) => event),
    tokens: Int32Array.from(steps, ({ token }) => token),
    times: Float64Array.from(steps, ({ time }) => time),
  };
}

/** A merged delta entered the log after its tokens came, so these are put back where they came: never before what
 * their span did last, nor after the log had them. */
function stepsInLog(log: readonly Event[]): Step[] {
  const last = new Map<string, number>();
  const momentOf = moments(log);
  const steps: Step[] = [];
  for (const [event, each] of log.entries()) {
    if (each.kind === "node.delta" && each.dts.length > 0) {
      let time = last.get(each.span) ?? 0;
      for (const [token, dt] of each.dts.entries()) {
        time = min(each.t, max(time, each.t + dt / 1000));
        steps.push({ event, token, time });
      }
      last.set(each.span, time);
    } else {
      const time = each.kind === "note" ? momentOf(each) : each.t;
      steps.push({ event, token: -1, time });
      if ("span" in each) {
        last.set(each.span, time);
      }
    }
  }
  return steps;
}

/** When a note is shown: at its moment, when its node begins, or when it was written; never after the end. */
function moments(log: readonly Event[]): (note: Note) => number {
  const starts = new Map<string, number>();
  for (const event of log) {
    if (event.kind === "node.started" && !starts.has(event.node)) {
      starts.set(event.node, event.t);
    }
  }
  const end = log.findLast(({ kind }) => kind !== "note")?.t ?? 0;
  return ({ moment, node = "", t }) => min(end, moment ?? starts.get(node) ?? t);
}

/** A number for each span, channel and tool call, by the place of the event in the log. */
function streamsOf(log: readonly Event[]): Uint32Array {
  const known = new Map<string, number>();
  return Uint32Array.from(log, (event) => {
    if (event.kind !== "node.delta") {
      return 0;
    }
    const key = stringify([event.span, event.channel, event.call]);
    known.set(key, known.get(key) ?? known.size);
    return known.get(key) as number;
  });
}

/** Where each token of a delta begins, in units of the string; one more than there are tokens. */
function offsetsOf({ text, cuts }: NodeDelta): Uint32Array {
  const offsets = new Uint32Array(cuts.length + 1);
  const plain = cuts.reduce((sum, cut) => sum + cut, 0) === text.length;
  let at = 0;
  for (const [i, cut] of cuts.entries()) {
    if (plain) {
      at += cut;
    } else {
      for (let point = 0; point < cut; point += 1) {
        at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
      }
    }
    offsets[i + 1] = at;
  }
  return offsets;
}
