// A widget in a page: happy-dom lays nothing out, so sizes are given here.
import type { AnyModel, RenderProps } from "@anywidget/types";
import { afterEach, beforeEach, vi } from "vitest";
import { FakeModel } from "../dev/model.ts";
import type { Script } from "../dev/script.ts";
import type { Traits } from "../src/model/store.ts";
import makeWidget from "../src/widget.ts";

/** What was shown in the test that runs. */
const shown: AbortController[] = [];

/** Gives every element of the tests of a file a size; `size.width = 0` hides them. What they showed ends with them. */
export function sized(): { width: number; height: number } {
  const size = { width: 1200, height: 600 };
  beforeEach(() => {
    Object.assign(size, { width: 1200, height: 600 });
    vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockImplementation(() => size.width);
    vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockImplementation(() => size.height);
  });
  afterEach(() => {
    for (const each of shown.splice(0)) {
      each.abort();
    }
    vi.restoreAllMocks();
    document.body.replaceChildren();
  });
  return size;
}

/** Until everything that is due in an animation frame was written. */
export async function frame(): Promise<void> {
  await new Promise((done) => requestAnimationFrame(done));
  await new Promise((done) => requestAnimationFrame(done));
}

export const $ = <T extends HTMLElement = HTMLElement>(selector: string, root: ParentNode = document): T => {
  const found = root.querySelector<T>(selector);
  if (!found) {
    throw new Error(`nothing here is ${selector}`);
  }
  return found;
};

export const words = (selector: string): string => $(selector).textContent ?? "";

export interface Shown {
  model: FakeModel;
  /** Renders one more view. */
  view(): HTMLElement;
  close: AbortController;
}

/** One widget, with one view in the document. */
export function show(traits: Record<string, unknown>): Shown {
  const model = new FakeModel(traits);
  const close = new AbortController();
  shown.push(close);
  const widget = makeWidget() as { initialize(props: unknown): void; render(props: unknown): unknown };
  const props = { model: model as unknown as AnyModel<Traits>, signal: close.signal, experimental: {} };
  widget.initialize(props);
  const view = () => {
    const el = document.createElement("div");
    document.body.append(el);
    widget.render({ ...props, el } as unknown as RenderProps<Traits>);
    return el;
  };
  view();
  return { model, view, close };
}

/** As if the kernel ran this script as the run "run-1". */
export function play(model: FakeModel, script: Script, from = 0): void {
  if (!model.get("shown")) {
    model.set("runs", [{ id: "run-1", name: "A question", status: "running" }]);
    model.set("shown", "run-1");
  }
  model.receive({ kind: "frame", run: "run-1", events: script.events.slice(from) });
}

export function press(
  key: string,
  target: Element = document.activeElement ?? document.body,
  more = {},
): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  target.dispatchEvent(event);
  return event;
}
