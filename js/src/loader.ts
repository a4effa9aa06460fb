// What a record's script does: it unpacks the player that stands beside it, once for all records of a page that have
// the same one, and mounts it in each record that has none yet. A record may stand in a page twice.
import { inflate } from "./inflate.ts";

type Mount = (el: HTMLElement, packed: string) => Promise<void>;
type Players = Record<string, Promise<{ mount: Mount }>>;

const PLAYER = 'script[type="application/x-lfwidget-player"]';
const LOG = 'script[type="application/x-lfwidget-log"]';
const DONE = "data-lfw-on";
const STYLE = `@media screen{[${DONE}]>:first-child{display:none}}@media print{.lfw-player{display:none}}`;

async function load(packed: string): Promise<{ mount: Mount }> {
  const url = URL.createObjectURL(new Blob([await inflate(packed)], { type: "text/javascript" }));
  return import(url).finally(() => URL.revokeObjectURL(url));
}

async function start(record: HTMLElement): Promise<void> {
  const [player, log] = [PLAYER, LOG].map((part) => record.querySelector<HTMLElement>(part));
  if (!player || !log || record.hasAttribute(DONE)) {
    return;
  }
  record.setAttribute(DONE, "");
  const known = globalThis as unknown as { lfwidgetPlayers?: Players };
  known.lfwidgetPlayers ??= {};
  const { key = "" } = player.dataset;
  known.lfwidgetPlayers[key] ??= load(player.textContent ?? "");
  try {
    await (await known.lfwidgetPlayers[key]).mount(record, log.textContent ?? "");
  } catch (error) {
    // The static part comes back: it says what happened in the run, if not as it went.
    record.removeAttribute(DONE);
    console.warn("lfwidget: the record cannot be played here:", error);
  }
}

const style = document.createElement("style");
style.textContent = STYLE;
document.head.append(style);
for (const record of document.querySelectorAll<HTMLElement>("[data-lfw]")) {
  void start(record);
}
