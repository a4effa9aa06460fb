// One view of the widget: puts the parts together and hands each what changed, once per animation frame.
import type { Now } from "./canvas/canvas.ts";
import { makeAnnouncer } from "./controls/announcer.ts";
import { makeComposer } from "./controls/composer.ts";
import { makeQuestion, type Question } from "./controls/question.ts";
import { atEnd, button, h, setAttribute, setText, toggle } from "./dom.ts";
import { preview, wordOf } from "./format.ts";
import { icon } from "./icons.ts";
import type { Health } from "./model/connection.ts";
import type { RunState } from "./model/state.ts";
import type { Change, Store } from "./model/store.ts";
import type { Event } from "./model/types.gen.ts";
import { frameOf, makeStage } from "./stage.ts";

const NOTICES: Record<Health, string> = {
  ok: "",
  busy: "Kernel busy: another cell is running. The flow goes on when it is free.",
  silent: "The kernel does not answer. After a restart, run the cell again.",
  gone: "The kernel is gone or restarted. Run the cell again.",
};

/** How long the record of a run may take to arrive in the page, in ms; it does not where the page was reloaded. */
const ARRIVAL = 3000;
const UNKEPT =
  "This page was reloaded since the cell ran: the record cannot stay here. To keep the run, show it in a new cell: run.show() or flow.runs[-1].show()";

export function makeShell(store: Store, signal: AbortSignal): HTMLElement {
  const questions = new Map<string, Question>();
  let playing: { update(log: readonly Event[]): void } | undefined;
  let unkept = false;
  /** In place of this view, until somebody comes back. */
  const play = async () => {
    const { replay: start } = await store.player();
    const { title, height, note } = store;
    const back = () => {
      made.close();
      playing = undefined;
      element.hidden = false;
    };
    const host = element.parentElement as HTMLElement;
    const made = start(host, store.feed?.log ?? [], { title, height, note, back });
    playing = made;
    element.hidden = true;
  };
  const goToQuestion = () => {
    const asked = store.state?.pending.values().next().value;
    if (asked) {
      canvas.centre(store.state?.card(asked.node) ?? "");
      questions.get(asked.request)?.element.querySelector<HTMLElement>("textarea,input,select,button")?.focus();
    }
  };
  const written = ({ state }: Now) => {
    const words = NOTICES[store.connection.health] || (unkept ? UNKEPT : homeless(state) || warningOf(state));
    setText(notice, words);
    setAttribute(notice, "data-status", state?.ended && !unkept ? "failed" : "waiting");
    replay.hidden = !state || store.connection.health === "gone";
    keep.hidden = replay.hidden || !store.form || !state?.ended;
    notice.hidden = !words;
    stop.hidden = !state || state.ended || store.connection.health === "gone";
    askOnCards(state, store, questions, canvas.attach);
  };
  const stage = makeStage({ source: store, now: () => nowOf(store), written, ask: goToQuestion }, signal);
  const { canvas, bar } = stage;
  const stop = button("Stop the run", () => store.cancel(store.shown), { class: "stop" }, icon("stop"), "Stop");
  const replay = button("Play the run back", () => void play(), {}, icon("play"), "Replay");
  const keep = button("Put a record of this run below", store.keep, {}, "Keep");
  const composer = makeComposer(store, stop);
  const announcer = makeAnnouncer(signal);
  const notice = h("p", { class: "notice", role: "status", hidden: true });
  const element = frameOf(stage, bar.element, notice, stage.element, stage.log, composer.element, announcer.element);

  const changed = (change: Change) => {
    if (typeof change === "object" && "kept" in change) {
      const arrival = setTimeout(() => {
        unkept = !document.querySelector(`[data-lfw="${change.kept}"]`);
        canvas.mark([]);
      }, ARRIVAL);
      atEnd(signal, () => clearTimeout(arrival));
      return;
    }
    if (typeof change === "object") {
      playing?.update(store.feed?.log ?? []);
      tell(announcer.tell, store.state, change.nodes);
      canvas.mark(change.nodes);
      return;
    }
    if (change === "graph") {
      announcer.forget();
      canvas.draw(store.graph);
    }
    toggle(element, "lost", nowOf(store).lost);
    stage.element.style.height = `${store.height}px`;
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

  bar.element.append(replay, keep);
  store.listen(changed, signal);
  changed("graph");
  return element;
}

function nowOf({ feed, state, connection: { health } }: Store): Now {
  const lost = health === "gone" || health === "silent";
  return { state, clock: feed?.clock(lost ? 0 : performance.now() / 1000) ?? 0, lost };
}

/** An error that no card tells of. */
/** What a run that goes on warned of last, until it says something else: a connection that was lost, say. */
function warningOf(state: RunState | null): string {
  const last = state?.ended ? undefined : state?.logs.at(-1);
  return last?.level === "warning" ? last.message : "";
}

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
    const question = questions.get(request) ?? makeQuestion(asked, store);
    questions.set(request, question);
    if (!question.element.isConnected) {
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
