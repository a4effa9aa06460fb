// The controls of playback: play, steps, speed, the scrub bar with its marks. What they do is the player's.
import { button, d, h, renew, s, setAttribute, setText } from "../dom.ts";
import { seconds } from "../format.ts";
import { icon } from "../icons.ts";
import { round, valuesOf } from "../short.ts";
import { type PlayerIcon, playerIcon } from "./icons.ts";
import { markOf, namesOf, wordsOf } from "./moments.ts";
import type { Playhead } from "./playhead.ts";
import type { Tape } from "./tape.ts";

export interface Actions {
  toggle(): void;
  seek(at: number): void;
  /** To the next step of that kind, or the one before. */
  move(kind: "token" | "node", direction: 1 | -1): void;
  jump(node: string): void;
  pace(slow: boolean): void;
  shorten(on: boolean): void;
  timeline(on: boolean): void;
}

export interface Transport {
  element: HTMLElement;
  /** Where other buttons go. */
  extras: HTMLElement;
  /** Draws the marks and lists the nodes of another tape, or of another pace. */
  draw(tape: Tape, head: Playhead): void;
  write(tape: Tape, head: Playhead, playing: boolean): void;
}

const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];
const WIDTH = 1000;
const MARKS = ["start", "end", "error", "note"] as const;

export function makeTransport(act: Actions): Transport {
  const play = button("Play (space)", act.toggle, { class: "play" }, icon("play"));
  const time = h("output", { class: "time" });
  const total = h("span", { class: "time" });
  const slider = h("input", {
    type: "range",
    min: 0,
    step: "any",
    "aria-label": "Position",
    input: () => act.seek(Number(slider.value)),
  });
  const paths = MARKS.map((mark) => s("path", { class: `mark-${mark}` }));
  const marks = s("svg", { viewBox: `0 0 ${WIDTH} 10`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...paths);
  const scrub = d("scrub", marks, slider);
  const speed = h("select", { "aria-label": "Speed", title: "Speed", change: () => setSpeed() });
  speed.append(...SPEEDS.map((each) => h("option", { value: each, selected: each === 1 }, `${each}×`)));
  const nodes = h("select", { "aria-label": "Jump to a node", title: "Jump to a node", change: () => jump() });
  const slow = toggle("Slow motion: every token takes the same time", "slow", false, act.pace);
  const silence = toggle("Shorten long silences", "silence", true, act.shorten);
  const timeline = toggle("Timeline: what ran when", "timeline", false, act.timeline);
  const extras = d("extras", nodes, speed, slow, silence, timeline);
  const element = d(
    "transport",
    d(
      "buttons",
      step("Previous node event (←)", "nodeBack", () => act.move("node", -1)),
      step("Previous token (,)", "tokenBack", () => act.move("token", -1)),
      play,
      step("Next token (.)", "tokenOn", () => act.move("token", 1)),
      step("Next node event (→)", "nodeOn", () => act.move("node", 1)),
    ),
    time,
    scrub,
    total,
    extras,
  );
  let shown = "";
  let headNow: Playhead | undefined;

  const setSpeed = () => {
    if (headNow) {
      headNow.speed = Number(speed.value);
    }
  };
  const jump = () => {
    act.jump(nodes.value);
    nodes.value = "";
  };
  return {
    element,
    extras,
    draw(tape, head) {
      headNow = head;
      setAttribute(slider, "max", String(head.end));
      const lines: Record<string, string> = {};
      for (let i = 0; i < tape.length; i += 1) {
        const mark = !tape.isToken(i) && markOf(tape.event(i));
        if (mark) {
          const x = round((WIDTH * head.moment(i)) / (head.end || 1));
          lines[mark] = `${lines[mark] ?? ""}M${x} 0v10`;
        }
      }
      for (const [i, mark] of MARKS.entries()) {
        paths[i]?.setAttribute("d", lines[mark] ?? "");
      }
      setText(total, seconds(tape.times.at(-1) ?? 0));
      const nameOf = namesOf(tape.whole);
      const ran = valuesOf(tape.whole.nodes).filter(({ spans, hasCard }) => hasCard && spans.length > 0);
      renew(
        nodes,
        h("option", { value: "" }, "Jump to…"),
        ...ran.map(({ id }) => h("option", { value: id }, nameOf(id))),
      );
    },
    write(tape, head, playing) {
      slider.value = String(head.at);
      setText(time, seconds(head.clock));
      setAttribute(slider, "aria-valuetext", `${seconds(head.clock)}, ${wordsOf(tape, head.step - 1)}`);
      const face = playing ? "pause" : head.step >= tape.length ? "replay" : "play";
      if (face !== shown) {
        shown = face;
        renew(play, face === "play" ? icon("play") : playerIcon(face));
        const words = `${{ play: "Play", pause: "Pause", replay: "Play from the start" }[face]} (space)`;
        play.title = words;
        setAttribute(play, "aria-label", words);
      }
    },
  };
}

const step = (label: string, name: PlayerIcon, act: () => void) => button(label, act, {}, playerIcon(name));

/** A button that stays pressed. */
export function toggle(label: string, name: PlayerIcon, on: boolean, act: (on: boolean) => void): HTMLButtonElement {
  let pressed = on;
  const made = button(
    label,
    () => {
      pressed = !pressed;
      setAttribute(made, "aria-pressed", String(pressed));
      act(pressed);
    },
    { "aria-pressed": String(on) },
    playerIcon(name),
  );
  return made;
}
