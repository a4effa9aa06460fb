// One run as the page receives it: frames in any order, repeated or with gaps, become a state.

import { max, min } from "../short.ts";
import { makeRun, type RunState } from "./state.ts";
import type { Event } from "./types.gen.ts";

/** Events held back while one before them is missing; past this they are dropped, the answer brings them again. */
const MOST_HELD = 5000;

export interface Feed {
  readonly state: RunState;
  /** Every event that the state has taken in. */
  readonly log: Event[];
  /** The highest number the kernel is known to have; at least 1, as each run has a first event. */
  newest: number;
  /** Whether events are missing that the kernel has. */
  readonly behind: boolean;
  /** Takes in what came; `now` is the page's clock in seconds. */
  take(events: readonly Event[], now: number): void;
  /** Seconds since the run started, by the page's clock; where it ended, once it ended. */
  clock(now: number): number;
}

export function makeFeed(): Feed {
  const state = makeRun();
  const log: Event[] = [];
  const held = new Map<number, Event>();
  // The page's clock minus the run's, at its smallest: events that come late say nothing of it.
  let offset = Number.POSITIVE_INFINITY;
  const feed: Feed = {
    state,
    log,
    newest: 1,
    get behind() {
      return state.seq < feed.newest;
    },
    take(events, now) {
      for (const event of events) {
        feed.newest = max(feed.newest, event.seq);
        if (event.seq === state.seq + 1 || (event.seq > state.seq && held.size < MOST_HELD)) {
          held.set(event.seq, event);
        }
        for (let next = held.get(state.seq + 1); next; next = held.get(state.seq + 1)) {
          held.delete(next.seq);
          state.apply(next);
          log.push(next);
        }
      }
      offset = min(offset, now - state.t);
    },
    clock: (now) => state.duration ?? max(state.t, now - offset),
  };
  return feed;
}
