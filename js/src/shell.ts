// One view of the widget: puts the parts together and hands each what changed, once per animation frame.
import { makeCanvas, type Now } from "./canvas/canvas.ts";
import { makeAnnouncer } from "./controls/announcer.ts";
import { makeBar } from "./controls/bar.ts";
import { makeComposer } from "./controls/composer.ts";
import { makeQuestion, type Question } from "./controls/question.ts";
import { button, d, h, setAttribute, setText } from "./dom.ts";
import { preview, wordOf } from "./format.ts";
import { icon } from "./icons.ts";
import type { Health } from "./model/connection.ts";
import type { RunState } from "./model/state.ts";
import type { Change, Store } from "./model/store.ts";
import { makeLog } from "./panel/log.ts";
import { makePanel } from "./panel/panel.ts";

const NOTICES: Record<Health, string> = {
  ok: "",
  busy: "Kernel busy: another cell is running. The flow goes on as soon as the kernel is free.",
  silent: "The kernel does not answer. If it was restarted, run the cell again.",
  gone: "The kernel is gone or was restarted. Run the cell again.",
};

export function makeShell(store: Store, signal: AbortSignal): HTMLElement {
  let opened = "";
  const questions = new Map<string, Question>();
  const canvas = makeCanvas({ now: () => nowOf(store), written: (now) => write(now), open: (id) => open(id) }, signal);
  const log = makeLog();
  const bar = makeBar(
    store,
    () => toggleLog(),
    () => goToQuestion(),
  );
  const panel = makePanel(() => close());
  const stop = button("Stop the run", () => store.cancel(store.shown), { class: "lfw-stop" }, icon("stop"), "Stop");
  const composer = makeComposer(store, stop);
  const announcer = makeAnnouncer(signal);
  const notice = h("p", { class: "lfw-notice", role: "status", hidden: true });
  const stage = d("stage", canvas.element, panel.element);
  const element = d("", bar.element, notice, stage, log.element, composer.element, announcer.element);

  const write = (now: Now) => {
    const { state } = now;
    const words = NOTICES[store.connection.health] || homeless(state);
    setText(notice, words);
    setAttribute(notice, "data-status", state?.ended ? "failed" : "waiting");
    notice.hidden = !words;
    bar.write(now);
    log.write(state);
    stop.hidden = !state || state.ended || store.connection.health === "gone";
    askOnCards(state, store, questions, canvas.attach);
    const item = canvas.item(opened);
    if (item) {
      panel.write(item.node, now);
    }
  };
  const open = (id: string) => {
    const item = canvas.item(id);
    if (item && item.shape !== "pill") {
      opened = id;
      panel.open(item.node);
      panel.write(item.node, nowOf(store));
      canvas.select(id);
      cover();
    }
  };
  const close = () => {
    const id = opened;
    opened = "";
    panel.element.hidden = true;
    canvas.select("");
    cover();
    canvas.focus(id);
  };
  /** The panel lies beside the cards, or below them where there is no room. */
  const cover = () => {
    const { offsetWidth, offsetHeight } = panel.element;
    const beside = offsetWidth < stage.clientWidth * 0.7;
    canvas.cover(beside ? offsetWidth : 0, beside ? 0 : offsetHeight, opened);
  };
  const toggleLog = () => {
    log.element.hidden = !log.element.hidden;
    bar.log.setAttribute("aria-expanded", String(!log.element.hidden));
    log.write(store.state);
  };
  const goToQuestion = () => {
    const asked = store.state?.pending.values().next().value;
    if (asked) {
      canvas.centre(store.state?.card(asked.node) ?? "");
      questions.get(asked.request)?.element.querySelector<HTMLElement>("textarea,input,select,button")?.focus();
    }
  };
  const changed = (change: Change) => {
    if (typeof change === "object") {
      tell(announcer.tell, store.state, change.nodes);
      canvas.mark(change.nodes);
      return;
    }
    if (change === "graph") {
      announcer.forget();
      canvas.draw(store.graph);
    }
    element.classList.toggle("lfw-lost", nowOf(store).lost);
    stage.style.height = `${store.height}px`;
    for (const question of questions.values()) {
      question.settle();
    }
    bar.list();
    composer.draw();
    composer.write();
    if (!store.form) {
      bar.element.append(stop);
    }
    canvas.mark();
  };

  element.className = "lfw";
  // JupyterLab looks for its shortcuts while a key goes down the page, before anything here could stop it.
  element.setAttribute("data-lm-suppress-shortcuts", "true");
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && opened) {
      close();
      event.preventDefault();
    }
    event.stopPropagation();
  });
  store.listen(changed, signal);
  changed("graph");
  return element;
}

function nowOf({ feed, state, connection: { health } }: Store): Now {
  const lost = health === "gone" || health === "silent";
  return { state, clock: feed?.clock(lost ? 0 : performance.now() / 1000) ?? 0, lost };
}

/** An error that no card tells of. */
function homeless(state: RunState | null): string {
  const { error = null, nodes } = state ?? {};
  return error && ![...(nodes?.values() ?? [])].some(({ status }) => status === "failed")
    ? `${error.type}: ${preview(error.message, 600)}`
    : "";
}

/** Puts each open question on the card of its node, and takes away those that were answered. */
function askOnCards(
  state: RunState | null,
  store: Store,
  questions: Map<string, Question>,
  attach: (id: string, element: HTMLElement) => void,
): void {
  for (const [request, question] of questions) {
    if (!state?.pending.has(request)) {
      question.element.remove();
      questions.delete(request);
    }
  }
  for (const [request, asked] of state?.pending ?? []) {
    if (!questions.has(request)) {
      const question = makeQuestion(asked, store);
      questions.set(request, question);
      attach(state?.card(asked.node) ?? "", question.element);
    }
  }
}

type Tell = (key: string, status: string, words: string) => void;

function tell(say: Tell, state: RunState | null, touched: Iterable<string>): void {
  for (const id of touched) {
    const node = state?.nodes.get(id);
    if (node) {
      say(id, node.status, `${node.def?.title ?? id}: ${wordOf(node.status)}`);
    }
  }
  if (state) {
    say("", state.status, `Run ${wordOf(state.status)}`);
  }
}
