// The entry that anywidget loads. `initialize` only makes the store: anywidget drops every message of a widget whose
// initialize takes more than two seconds.
import type { AnyModel, AnyWidget, InitializeProps, RenderProps } from "@anywidget/types";
import "./css/base.css";
import "./css/bar.css";
import "./css/canvas.css";
import "./css/controls.css";
import "./css/panel.css";
import { makeStore, type Store, type Traits } from "./model/store.ts";
import { makeShell } from "./shell.ts";

export default (): AnyWidget<Traits> => {
  let store: Store | null = null;
  return {
    initialize({ model, signal }: InitializeProps<Traits>) {
      store = makeStore(model, signal);
    },
    render({ model, el, signal }: RenderProps<Traits>) {
      store ??= makeStore(model, signal);
      const element = makeShell(store, signal);
      el.append(element);
      watchComm(model, store, element);
      return () => element.remove();
    },
  };
};

/** A restarted kernel takes the comm with it. ipywidgets says so once, by this event; a view that is made after that
 * finds it in the class of a widget around it. */
function watchComm(model: AnyModel<Traits>, store: Store, element: HTMLElement): void {
  model.on("comm_live_update", () => store.connection.lose());
  requestAnimationFrame(() => {
    if (element.closest(".jupyter-widgets-disconnected")) {
      store.connection.lose();
    }
  });
}
