// Whether the kernel hears and answers: from its beats, its pongs, its comm. No DOM here.

export type Health = "ok" | "busy" | "silent" | "gone";

export interface Connection {
  readonly health: Health;
  /** Anything came from the kernel. Only a beat knows whether its loop is busy; frames come from another thread. */
  hear(kind: string, busy: boolean): void;
  /** Asks whether anybody is there, after a button was pressed. */
  ask(): void;
  lose(): void;
  /** To be called every `LOOK` ms. `live`: a run is going on, so beats are due. */
  look(live: boolean): void;
}

/** A kernel that says nothing this long while a run is live (it beats every second) is taken for dead. */
const SILENCE = 5000;
/** How long a ping may go unanswered before the page says that the kernel is busy. */
const PATIENCE = 1500;
/** How often the silence is looked at; a look that comes much later means that the page itself was asleep. */
export const LOOK = 500;

export function makeConnection(ping: () => void, changed: () => void, now = () => performance.now()): Connection {
  let health: Health = "ok";
  let heard = now();
  let looked = heard;
  let asked = 0;
  const set = (next: Health) => {
    if (next !== health) {
      health = next;
      changed();
    }
  };
  return {
    get health() {
      return health;
    },
    hear(kind, busy) {
      heard = now();
      if (kind !== "frame" && kind !== "beat") {
        asked = 0;
      }
      if (kind !== "frame" || health !== "busy") {
        set(busy || (asked && health === "busy") ? "busy" : "ok");
      }
    },
    ask() {
      asked ||= now();
      ping();
    },
    lose: () => set("gone"),
    look(live) {
      const slept = now() - looked > 6 * LOOK;
      looked = now();
      if (slept || !live) {
        heard = looked;
      }
      if (asked && looked - asked > PATIENCE && health === "ok") {
        set("busy");
      }
      if (live && looked - heard > SILENCE && health !== "gone") {
        set("silent");
      }
    },
  };
}
