// The line above the canvas: the flow's name, which run is shown, how it is and what it used.
import type { Now } from "../canvas/canvas.ts";
import { button, d, h, renew, setAttribute, setText } from "../dom.ts";
import { count, glyphOf, type ShownStatus, seconds, tokens, usage, wordOf } from "../format.ts";
import { sumTokens } from "../model/node.ts";
import type { RunState } from "../model/state.ts";
import type { RunInfo, Store } from "../model/store.ts";
import { joined, stringify } from "../short.ts";

/** What the bar is of: a flow with its runs, or one run. */
export type BarSource = Pick<Store, "title" | "runs" | "shown" | "show">;

/** `openLog` shows the log, `ask` goes to the node that waits for an answer. */
export function makeBar(store: BarSource, openLog: () => void, ask: () => void) {
  const [title, facts] = [d("name"), d("facts")];
  const picker = h("select", { "aria-label": "Run", change: () => store.show(picker.value) });
  const state = button("Status of the run", ask, { class: "state" });
  const log = button("Log of the run", openLog, { "aria-expanded": "false" });
  const element = d("bar", title, picker, state, facts, log);
  let listed = "";

  /** Title and runs: when they change. */
  const list = () => {
    const { runs, shown } = store;
    setText(title, store.title);
    const key = stringify([runs, shown]);
    if (key !== listed) {
      listed = key;
      renew(picker, ...runs.map((run, i) => h("option", { value: run.id }, labelOf(run, i))));
      picker.value = shown;
      picker.hidden = runs.length < 2;
    }
  };
  /** Status, time and tokens: at most once a frame. */
  const write = ({ state: run, clock, lost }: Now) => {
    const status: ShownStatus = !run ? "idle" : lost && !run.ended ? "lost" : run.status;
    setAttribute(state, "data-status", status);
    setText(state, `${glyphOf(status)} ${wordOf(status)}`);
    state.disabled = status !== "waiting";
    setText(facts, run ? joined([seconds(clock), used(run)]) : "");
    const logs = run?.logs ?? [];
    log.hidden = logs.length === 0;
    setText(log, `Log ${count(logs.length)}`);
    const high = logs.some(({ level }) => level === "error" || level === "warning");
    setAttribute(log, "data-level", high ? "high" : "");
  };
  return { element, log, list, write };
}

/** What was billed, once the run has ended; the tokens so far until then. */
const used = (run: RunState): string => (run.ended && usage(run.usage)) || tokens(sumTokens(run.spans.values()));

const labelOf = ({ name, status }: RunInfo, i: number): string =>
  `${glyphOf(status)} ${name || `Run ${i + 1}`} · ${wordOf(status)}`;
