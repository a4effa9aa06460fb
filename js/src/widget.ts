// The entry that anywidget loads. `initialize` only makes the store: anywidget drops every message of a widget whose
// initialize takes more than two seconds.
import type { AnyModel, AnyWidget, InitializeProps, RenderProps } from "@anywidget/types";
import "./css/base.css";
import "./css/canvas.css";
import "./css/controls.css";
import "./css/panel.css";
import { Store, type Traits } from "./model/store.ts";
import { Shell } from "./shell.ts";

export default (): AnyWidget<Traits> => {
  let store: Store | null = null;
  return {
    initialize({ model, signal }: InitializeProps<Traits>) {
      store = new Store(model, signal);
    },
    render({ model, el, signal }: RenderProps<Traits>) {
      store ??= new Store(model, signal);
      const shell = new Shell(store, signal);
      el.append(shell.element);
      watchComm(model, store, shell.element);
      return () => shell.element.remove();
    },
  };
};

/** The model says that its comm came or went, the view above ours in which of the two: by a class of its element. */
function watchComm(model: AnyModel<Traits>, store: Store, element: HTMLElement): void {
  const look = () => {
    if (element.closest(".jupyter-widgets-disconnected")) {
      store.connection.lose();
    }
  };
  model.on("comm_live_update", () => queueMicrotask(look));
  requestAnimationFrame(look);
}
