// A run played back: the same stage as live, wound to where the playhead is, with the controls of playback below.
import type { Now } from "../canvas/canvas.ts";
import { atEnd, button, d, listen } from "../dom.ts";
import { icon } from "../icons.ts";
import type { RunState } from "../model/state.ts";
import type { Event } from "../model/types.gen.ts";
import { min, valuesOf } from "../short.ts";
import { frameOf, makeStage } from "../stage.ts";
import { nextStop } from "./moments.ts";
import { makeNoteForm, makeNotes } from "./notes.ts";
import { makePlayhead, stepsUntil } from "./playhead.ts";
import { makeTape } from "./tape.ts";
import { makeTimeline } from "./timeline.ts";
import { makeTransport, toggle } from "./transport.ts";

export interface PlayerOptions {
  title: string;
  /** Of the canvas, in px. */
  height: number;
  /** Keeps a note; without it none can be written. `moment` is seconds of the run. */
  note?(note: { node: string; text: string; moment: number }): void;
  /** Leaves the player. */
  back?(): void;
}

export interface Player {
  element: HTMLElement;
  /** Takes in a log that has become longer: the run goes on, or notes were added. */
  update(log: readonly Event[]): void;
}

/** How often a log that grows is read anew (ms). */
const PATIENCE = 300;
/** The longest that the wall's clock may jump between two frames (s): a tab that slept goes on where it was. */
const LONGEST_FRAME = 0.25;

export function makePlayer(log: readonly Event[], options: PlayerOptions, signal: AbortSignal): Player {
  let events = log;
  let tape = makeTape(events);
  let head = makePlayhead(tape);
  let state: RunState = tape.wind(tape.length);
  let frame = 0;
  let before = 0;
  head.go(tape.length);

  const now = (): Now => ({ state, clock: head.clock, lost: false });
  const stage = makeStage(
    {
      source: { title: options.title, runs: [], shown: "", show: () => {} },
      now,
      written: () => notes.write(state),
      ask: () => {},
    },
    signal,
  );
  const { canvas, bar } = stage;
  const notes = makeNotes(canvas);
  const show = () => {
    const next = tape.wind(head.step);
    canvas.mark(next === state ? next.touched : undefined);
    state = next;
    state.touched.clear();
    timeline.write(head.clock);
    transport.write(tape, head, before > 0);
  };
  const tick = (wall: number) => {
    const past = min(LONGEST_FRAME, (wall - before) / 1000);
    before = wall;
    frame = head.advance(past) ? requestAnimationFrame(tick) : pause();
    show();
  };
  const pause = (): number => {
    cancelAnimationFrame(frame);
    before = 0;
    return 0;
  };
  const togglePlay = () => {
    if (before) {
      pause();
    } else {
      if (head.step >= tape.length) {
        head.go(0);
      }
      before = performance.now();
      frame = requestAnimationFrame(tick);
    }
    show();
  };
  const go = (step: number) => {
    pause();
    head.go(step);
    show();
  };
  const retime = () => {
    head.retime();
    transport.draw(tape, head);
    show();
  };
  /** What is drawn of a tape as a whole. The graph is the one at the end, so that it never changes its shape. */
  const draw = () => {
    const { nodes, edges } = tape.whole;
    canvas.draw({ nodes: valuesOf(nodes).flatMap(({ def }) => def ?? []), edges });
    timeline.draw(tape, events);
    retime();
  };
  const open = (node: string) => {
    canvas.centre(node);
    canvas.focus(node);
  };
  const move = (kind: "token" | "node", direction: 1 | -1) => go(nextStop(tape, head.step, kind, direction));
  const transport = makeTransport({
    toggle: togglePlay,
    move,
    seek(at) {
      head.seek(at);
      show();
    },
    jump(node) {
      const first = tape.whole.nodes.get(node)?.spans[0]?.began;
      if (first !== undefined) {
        go(stepsUntil(tape.times, first));
        open(node);
      }
    },
    pace(slow) {
      head.pace = slow ? "tokens" : "time";
      retime();
    },
    shorten(on) {
      head.shorten = on;
      retime();
    },
    timeline(on) {
      timeline.element.hidden = !on;
    },
  });
  const timeline = makeTimeline((t) => go(stepsUntil(tape.times, t)), open);
  const writing = makeNoteForm(
    (text) => options.note?.({ node: stage.opened, text, moment: head.clock }),
    () => (stage.opened ? "A note on this node, at this moment" : "A note at this moment"),
  );
  writing.hidden = true;
  if (options.note) {
    const write = toggle("Write a note", "note", false, (on) => {
      writing.hidden = !on;
      writing.querySelector("input")?.focus();
    });
    transport.extras.append(write);
  }
  if (options.back) {
    bar.element.append(button("Back to the live view", options.back, {}, icon("close"), "Live view"));
  }
  stage.element.append(notes.banner);
  stage.element.style.height = `${options.height}px`;
  const below = d("below", transport.element, writing, timeline.element);
  const element = frameOf(stage, bar.element, stage.element, below, stage.log);
  listen(element, "keydown", (event: KeyboardEvent) => {
    const act = keys(event);
    if (act) {
      event.preventDefault();
      act();
    }
  });
  const keys = ({ key, target, ctrlKey, metaKey, altKey }: KeyboardEvent): (() => void) | undefined => {
    const on = (selector: string) => (target as Element).closest(selector);
    if (ctrlKey || metaKey || altKey || on("textarea,select") || (on("button,[data-id]") && /^[ AE]/.test(key))) {
      return undefined;
    }
    return {
      " ": togglePlay,
      ArrowRight: () => move("node", 1),
      ArrowLeft: () => move("node", -1),
      ".": () => move("token", 1),
      ",": () => move("token", -1),
      Home: () => go(0),
      End: () => go(tape.length),
    }[key];
  };
  element.tabIndex = 0;
  bar.list();
  draw();
  let due: ReturnType<typeof setTimeout> | undefined;
  const lengthen = () => {
    due = undefined;
    const { clock, speed, pace, shorten } = head;
    const atEnd = head.step >= tape.length;
    tape = makeTape(events);
    head = Object.assign(makePlayhead(tape), { speed, pace, shorten });
    head.retime();
    // Who looked at the end of a run that goes on looks at its end.
    head.go(atEnd ? tape.length : stepsUntil(tape.times, clock));
    draw();
  };
  atEnd(signal, () => {
    pause();
    clearTimeout(due);
  });
  return {
    element,
    update(longer) {
      events = longer;
      due ??= setTimeout(lengthen, PATIENCE);
    },
  };
}
