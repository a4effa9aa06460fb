// What is known of one node: a sheet at the side of the canvas.

import type { Now } from "../canvas/canvas.ts";
import { elapsedOf, shown } from "../canvas/card.ts";
import { button, d, h, renew, setAttribute, setText } from "../dom.ts";
import { glyphOf, prettyJson, seconds, tokens, usage, wordOf } from "../format.ts";
import { icon, iconOf, paint } from "../icons.ts";
import { callsOf, type NodeState, sumTokens, sumUsage } from "../model/node.ts";
import type { Span } from "../model/span.ts";
import type { RunState } from "../model/state.ts";
import type { Node } from "../model/types.gen.ts";
import { joined } from "../short.ts";
import { makeSection } from "./section.ts";

export interface Panel {
  element: HTMLElement;
  open(def: Node): void;
  /** Writes what changed of the node since the last time. */
  write(def: Node, now: Now): void;
}

const SECTIONS = ["Error", "Text", "Reasoning", "Tool calls", "Input", "Output", "Parameters", "Traceback", "Log"];

export function makePanel(onClose: () => void): Panel {
  const close = button("Close (Esc)", onClose, {}, icon("close"));
  const [head, facts] = [d("panel-head"), d("facts")];
  const picker = h("select", { "aria-label": "Execution" });
  const sections = SECTIONS.map(makeSection);
  const body = d("panel-body", facts, picker, ...sections.map(({ element }) => element));
  const element = h("aside", { class: "panel", hidden: true }, head, body);
  let listed = "";

  return {
    element,
    open(def) {
      element.hidden = false;
      setAttribute(element, "aria-label", def.title);
      element.dataset.type = def.type;
      element.style.cssText = paint(def.color);
      renew(head, iconOf(def), h("h3", {}, def.title), close);
      listed = picker.value = "";
      body.scrollTop = 0;
      close.focus({ preventScroll: true });
    },
    write(def, now) {
      const node = now.state?.nodes.get(def.id);
      const group = node?.group ?? [];
      const options = group.map((span, i) => labelOf(span, i, def, now.state));
      const key = options.join();
      if (key !== listed) {
        listed = key;
        list(picker, group, options);
      }
      const span = now.state?.spans.get(picker.value);
      setText(facts, factsOf(span, node, def, now));
      for (const [i, value] of contentsOf(span, node, def, now.state).entries()) {
        sections[i]?.write(value);
      }
    },
  };
}

/** The executions to choose from, newest first. */
function list(picker: HTMLSelectElement, group: readonly Span[], labels: readonly string[]): void {
  const { value } = picker;
  const options = group.map(({ id }, i) => h("option", { value: id }, labels[i]));
  renew(picker, h("option", { value: "" }, "Overview"), ...options.reverse());
  picker.value = group.some(({ id }) => id === value) ? value : "";
  picker.hidden = group.length < 2;
}

function labelOf(span: Span, i: number, def: Node, run: RunState | null): string {
  const parts = [
    i + 1,
    span.node !== def.id && (run?.nodes.get(span.node)?.def?.title ?? span.node),
    span.index !== null && `item ${span.index + 1}`,
    span.attempt > 1 && `attempt ${span.attempt}`,
    span.retracted ? "withdrawn" : wordOf(span.status),
    span.duration !== null && seconds(span.duration),
  ];
  return joined(parts);
}

/** Status, times and tokens: of the chosen span, else of the node. */
function factsOf(span: Span | undefined, node: NodeState | undefined, def: Node, { clock, lost }: Now): string {
  const group = span ? [span] : (node?.group ?? []);
  const status = span?.status ?? shown(node, lost);
  const time = span ? (span.duration ?? clock - span.began) : elapsedOf(node, clock);
  const first = group.find(({ firstToken }) => firstToken !== null)?.firstToken;
  const parts = [
    `${glyphOf(status)} ${wordOf(status)}`,
    span?.retracted && "withdrawn",
    time !== null && seconds(time),
    usage(sumUsage(group)) || tokens(sumTokens(group)),
    first != null && `first token ${seconds(first)}`,
    def.subtitle,
    node?.reason,
    def.warning,
  ];
  return joined(parts);
}

/** What stands under each of SECTIONS. */
function contentsOf(chosen: Span | undefined, node: NodeState | undefined, def: Node, run: RunState | null): unknown[] {
  const span = chosen ?? node?.current;
  const calls = callsOf(chosen ?? node?.asked).map((call) => `${call.name ?? "tool"} ${prettyJson(String(call.args))}`);
  const logs = run?.logs.filter((log) => log.node && run.card(log.node) === def.id) ?? [];
  return [
    span?.error && `${span.error.type}: ${span.error.message}`,
    (chosen ?? node?.said)?.text,
    (chosen ?? node?.thought)?.reasoning,
    calls.join("\n\n"),
    span?.input,
    span?.output,
    def.params,
    span?.error?.traceback,
    logs.map((log) => `${log.level}: ${log.message}`).join("\n"),
  ];
}
