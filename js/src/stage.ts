// The parts that every view of a run has, live or played back: the bar, the canvas with its panel, the log.
import { type Canvas, makeCanvas, type Now } from "./canvas/canvas.ts";
import { type BarSource, makeBar } from "./controls/bar.ts";
import { d, listen, setAttribute } from "./dom.ts";
import { makeLog } from "./panel/log.ts";
import { makePanel } from "./panel/panel.ts";

export interface Stage {
  canvas: Canvas;
  bar: ReturnType<typeof makeBar>;
  /** The canvas and the panel over it, and the log. */
  element: HTMLElement;
  log: HTMLElement;
  /** Id of the node whose panel is open; "" where none is. */
  readonly opened: string;
  /** Closes the panel; false where it was not open. */
  close(): boolean;
}

interface Options {
  source: BarSource;
  now(): Now;
  /** Called in each frame, after everything here was written. */
  written(now: Now): void;
  /** The status was pressed: go to what is asked. */
  ask(): void;
}

export function makeStage(options: Options, signal: AbortSignal): Stage {
  let opened = "";
  const write = (now: Now) => {
    bar.write(now);
    log.write(now.state);
    options.written(now);
    const item = canvas.item(opened);
    if (item) {
      panel.write(item.def, now);
    }
  };
  const open = (id: string) => {
    const item = canvas.item(id);
    if (item && item.shape !== "pill") {
      opened = id;
      panel.open(item.def);
      panel.write(item.def, options.now());
      canvas.select(id);
      cover();
    }
  };
  const close = (): boolean => {
    const id = opened;
    opened = "";
    panel.element.hidden = true;
    if (id) {
      canvas.select("");
      cover();
      canvas.focus(id);
    }
    return id !== "";
  };
  /** The panel lies beside the cards, or below them where there is no room. */
  const cover = () => {
    const { offsetWidth, offsetHeight } = panel.element;
    const beside = offsetWidth < element.clientWidth * 0.7;
    canvas.cover(beside ? offsetWidth : 0, beside ? 0 : offsetHeight, opened);
  };
  const toggleLog = () => {
    log.element.hidden = !log.element.hidden;
    setAttribute(bar.log, "aria-expanded", String(!log.element.hidden));
    log.write(options.now().state);
  };
  const canvas = makeCanvas({ now: options.now, written: write, open }, signal);
  const panel = makePanel(close);
  const log = makeLog();
  const bar = makeBar(options.source, toggleLog, options.ask);
  const element = d("stage", canvas.element, panel.element);
  return {
    canvas,
    bar,
    element,
    log: log.element,
    get opened() {
      return opened;
    },
    close,
  };
}

/** The outermost element of a view: Escape closes the panel, and no key reaches the notebook's shortcuts. */
export function frameOf(stage: Stage, ...parts: Node[]): HTMLElement {
  const element = d("", ...parts);
  element.className = "lfw";
  // JupyterLab looks for its shortcuts while a key goes down the page, before anything here could stop it.
  setAttribute(element, "data-lm-suppress-shortcuts", "true");
  listen(element, "keydown", (event: KeyboardEvent) => {
    if (event.key === "Escape" && stage.close()) {
      event.preventDefault();
    }
    event.stopPropagation();
  });
  return element;
}
