// Whether the kernel hears and answers: from its beats, its pongs, its comm. No DOM here.

export type Health = "ok" | "busy" | "silent" | "gone";

/** A kernel that says nothing this long while a run is live (it beats every second) is taken for dead. */
const SILENCE = 5000;
/** How long a ping may go unanswered before the page says that the kernel is busy. */
const PATIENCE = 1500;
/** How often the silence is looked at; a look that comes much later means that the page itself was asleep. */
export const LOOK = 1000;

export class Connection {
  health: Health = "ok";
  readonly #ping: () => void;
  readonly #changed: () => void;
  readonly #now: () => number;
  #heard: number;
  #looked: number;
  #asked: number | null = null;

  constructor(ping: () => void, changed: () => void, now: () => number = () => performance.now()) {
    this.#ping = ping;
    this.#changed = changed;
    this.#now = now;
    this.#heard = this.#looked = now();
  }

  /** Anything came from the kernel. `busy` is what a beat says of its loop; other messages say nothing of it. */
  hear(busy?: boolean): void {
    this.#heard = this.#now();
    if (busy === undefined && this.health === "busy" && this.#asked === null) {
      return;
    }
    this.#set(busy ? "busy" : "ok");
  }

  /** The loop itself answered. */
  pong(): void {
    this.#asked = null;
    this.#heard = this.#now();
    this.#set("ok");
  }

  /** Ask whether anybody is there, after a button was pressed. */
  ask(): void {
    this.#asked ??= this.#now();
    this.#ping();
  }

  lose(): void {
    this.#set("gone");
  }

  /** To be called every `LOOK` ms. `live`: a run is going on, so beats are due. */
  look(live: boolean): void {
    const now = this.#now();
    const slept = now - this.#looked > 3 * LOOK;
    this.#looked = now;
    if (slept || !live) {
      this.#heard = now;
    }
    if (this.#asked !== null && now - this.#asked > PATIENCE && this.health === "ok") {
      this.#set("busy");
    }
    if (live && now - this.#heard > SILENCE && this.health !== "gone") {
      this.#set("silent");
    }
  }

  #set(health: Health): void {
    if (this.health !== health) {
      this.health = health;
      this.#changed();
    }
  }
}
