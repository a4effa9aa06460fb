// Tells a screen reader what changed its status; never tokens, and not more than once a second.
import { atEnd, h } from "../dom.ts";
import { valuesOf } from "../short.ts";

const PAUSE = 1000;
/** Where more happened at once, only the newest are told. */
const MOST = 4;

export function makeAnnouncer(signal: AbortSignal) {
  const element = h("div", { class: "quiet", "aria-live": "polite" });
  const known = new Map<string, string>();
  const news = new Map<string, string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const speak = () => {
    timer = undefined;
    element.textContent = valuesOf(news).slice(-MOST).join(". ");
    news.clear();
  };
  atEnd(signal, () => clearTimeout(timer));
  return {
    element,
    /** What is told first of a thing is where it stands, no news. */
    tell(key: string, status: string, words: string): void {
      const before = known.get(key);
      known.set(key, status);
      if (before !== undefined && before !== status) {
        news.set(key, words);
        timer ??= setTimeout(speak, PAUSE);
      }
    },
    forget: () => known.clear(),
  };
}
