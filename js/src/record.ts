// The entry of a record: the player in a cell, an exported page, or in place of a live view whose run has ended. It
// lives in a shadow root, so that neither the page's styles nor those of another version reach it.

import bar from "./css/bar.css?text";
import base from "./css/base.css?text";
import canvas from "./css/canvas.css?text";
import panel from "./css/panel.css?text";
import player from "./css/player.css?text";
import { h } from "./dom.ts";
import type { Event } from "./model/types.gen.ts";
import { makePlayer, type Player, type PlayerOptions } from "./player/player.ts";
import { unpack } from "./player/unpack.ts";

const STYLE = [base, bar, canvas, panel, player].join("");
const HEIGHT = 420;

/** Plays a packed log in a new element at the end of `el`. */
export async function mount(el: HTMLElement, packed: string): Promise<void> {
  const { about, events } = await unpack(packed);
  replay(el, events, { title: about.flow ?? "", height: HEIGHT });
}

/** Plays a log in a new element at the end of `el`. */
export function replay(el: HTMLElement, events: readonly Event[], options: PlayerOptions): Player & { close(): void } {
  const host = h("div", { class: "player", "data-lm-suppress-shortcuts": true });
  const root = host.attachShadow({ mode: "open" });
  const over = new AbortController();
  const made = makePlayer(events, options, over.signal);
  root.append(h("style", {}, STYLE), made.element);
  el.append(host);
  return {
    ...made,
    close() {
      over.abort();
      host.remove();
    },
  };
}
