// The log of a run: what was printed, warnings, remarks. New lines are added, old ones never written again.
import { h, renew } from "../dom.ts";
import { seconds } from "../format.ts";
import type { RunState } from "../model/state.ts";
import type { Log } from "../model/types.gen.ts";
import { atEnd } from "./longtext.ts";

export function makeLog() {
  const element = h("div", {
    class: "log",
    role: "log",
    "aria-label": "Log",
    "aria-live": "off",
    tabindex: "0",
    hidden: true,
  });
  let shown: RunState | null = null;
  let written = 0;
  const write = (run: RunState | null) => {
    if (run !== shown) {
      shown = run;
      written = 0;
      renew(element);
    }
    if (run && run.logs.length > written && !element.hidden) {
      atEnd(element, () => element.append(...run.logs.slice(written).map((log) => lineOf(log, run))));
      written = run.logs.length;
    }
  };
  return { element, write };
}

function lineOf({ t, level, node, message }: Log, run: RunState): HTMLElement {
  const where = node && (run.nodes.get(node)?.def?.title ?? node);
  return h(
    "div",
    { class: "log-line", "data-level": level },
    h("time", {}, seconds(t)),
    h("b", {}, level),
    where && h("i", {}, where),
    message,
  );
}
