// What a gateway says, as whole logs of runs: in order, each event once, with a word where some are missing. No I/O.
import type { Event } from "../model/types.gen.ts";

export type Message = Record<string, unknown> & { kind: string };

export interface Track {
  readonly run: string;
  epoch: string;
  /** Up to which number of the gateway's log we are. */
  have: number;
  /** Every event so far, under numbers of our own, since remarks of ours are among them. */
  readonly log: Event[];
  /** Whether the gateway hears from whoever runs it. */
  alive: boolean;
  /** Why not. */
  reason: string;
  ended: boolean;
}

export interface Tracks {
  readonly runs: ReadonlyMap<string, Track>;
  /** What is said when the connection is made anew. */
  readonly position: string;
  /** What the link allows. */
  readonly can: string;
  /** Takes in a message; gives the run it is about and its new events. Throws where something is missing. */
  take(message: Message): { track: Track; events: Event[] } | null;
}

export class OutOfStepError extends Error {}

export function makeTracks(): Tracks {
  const runs = new Map<string, Track>();
  let can = "view";

  const greet = (run: string, epoch: string): Track => {
    const track = runs.get(run) ?? { run, epoch, have: 0, log: [], alive: true, reason: "", ended: false };
    if (epoch !== track.epoch) {
      // The producer brings all of it again after its gateway lost it: what is the same is passed over.
      track.epoch = epoch;
      track.have = 0;
    }
    runs.set(run, track);
    return track;
  };

  return {
    runs,
    get position() {
      return [...runs.values()].map(({ epoch, have }) => `${epoch}:${have}`).join(",");
    },
    get can() {
      return can;
    },
    take(message) {
      const { kind, run } = message;
      if (kind === "hello" || kind === "room") {
        can = String(message.can ?? can);
      }
      if (typeof run !== "string") {
        return null;
      }
      if (kind === "hello") {
        return { track: greet(run, String(message.epoch)), events: [] };
      }
      const track = runs.get(run);
      if (!track) {
        return null;
      }
      const before = track.log.length;
      advance(track, message);
      return { track, events: track.log.slice(before) };
    },
  };
}

function advance(track: Track, { kind, events, to, alive, reason }: Message): void {
  if (kind === "frame" && Array.isArray(events)) {
    for (const event of events as Event[]) {
      append(track, event);
    }
  } else if (kind === "gap") {
    skip(track, Number(to));
  } else if (kind === "producer") {
    track.alive = alive === true;
    track.reason = String(reason ?? "");
  } else if (kind === "end") {
    track.ended = true;
  }
}

const seen = new WeakMap<Track, number>();

function append(track: Track, event: Event): void {
  if (event.seq <= track.have) {
    return;
  }
  if (event.seq !== track.have + 1) {
    throw new OutOfStepError();
  }
  track.have = event.seq;
  if (event.seq > (seen.get(track) ?? 0)) {
    seen.set(track, event.seq);
    put(track, event);
  }
}

/** Events are missing for good: what follows is not to be lost as well. */
function skip(track: Track, to: number): void {
  const missing = to - track.have;
  if (missing > 0) {
    track.have = to;
    seen.set(track, Math.max(to, seen.get(track) ?? 0));
    const message = `${missing} events of this run are kept no longer: it is not whole`;
    put(track, { seq: 0, t: track.log.at(-1)?.t ?? 0, kind: "log", level: "warning", message });
  }
}

function put(track: Track, event: Event): void {
  track.log.push({ ...event, seq: track.log.length + 1 });
}
