// One run as the page receives it: frames in any order, repeated or with gaps, become a state.
import { RunState } from "./state.ts";
import type { Event } from "./types.gen.ts";

/** Events held back while one before them is missing; past this they are dropped, the answer brings them again. */
const MOST_HELD = 5000;

export class Feed {
  readonly state = new RunState();
  /** The highest number the kernel is known to have. */
  head = 0;
  /** Page clock (s) minus run clock (s), at its smallest: what a running clock shows. */
  offset = Number.POSITIVE_INFINITY;
  readonly #held = new Map<number, Event>();

  /** True where something new was folded in. */
  take(events: readonly Event[], now: number): boolean {
    const before = this.state.seq;
    for (const event of events) {
      this.head = Math.max(this.head, event.seq);
      this.#place(event);
    }
    this.#release();
    if (this.state.seq > before) {
      this.offset = Math.min(this.offset, now - this.state.t);
    }
    return this.state.seq > before;
  }

  /** Whether events are missing that the kernel has. */
  get behind(): boolean {
    return this.state.seq < this.head;
  }

  /** Seconds since the run started, by the page's clock; where it ended, once it ended. */
  clock(now: number): number {
    return this.state.duration ?? Math.max(this.state.t, now - this.offset);
  }

  #place(event: Event): void {
    if (event.seq === this.state.seq + 1) {
      this.state.apply(event);
    } else if (event.seq > this.state.seq && this.#held.size < MOST_HELD) {
      this.#held.set(event.seq, event);
    }
  }

  #release(): void {
    for (let next = this.#pop(); next; next = this.#pop()) {
      this.state.apply(next);
    }
    if (this.#held.size > 0 && !this.behind) {
      this.#held.clear();
    }
  }

  #pop(): Event | undefined {
    const seq = this.state.seq + 1;
    const event = this.#held.get(seq);
    this.#held.delete(seq);
    return event;
  }
}
