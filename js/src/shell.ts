import { Canvas } from "./canvas/canvas.ts";
import { h } from "./dom.ts";
import type { Change, Store } from "./model/store.ts";

export class Shell {
  readonly element: HTMLElement;
  readonly #canvas: Canvas;
  readonly #store: Store;

  constructor(store: Store, signal: AbortSignal) {
    this.#store = store;
    this.#canvas = new Canvas(
      () => this.#run(),
      () => {},
      signal,
    );
    const stage = h("div", { class: "lfw-stage" }, this.#canvas.element);
    stage.style.height = `${store.height}px`;
    this.element = h("div", { class: "lfw" }, stage);
    store.listen((change) => this.#changed(change), signal);
    this.#canvas.draw(store.graph);
  }

  #run() {
    const { feed, state } = this.#store;
    return { state, clock: feed?.clock(performance.now() / 1000) ?? 0, lost: this.#store.connection.health === "gone" };
  }

  #changed(change: Change): void {
    if (change.what === "nodes" && change.run === this.#store.shown) {
      this.#canvas.mark(change.touched ?? []);
    } else if (change.what === "shown") {
      this.#canvas.draw(this.#store.graph);
    }
  }
}
