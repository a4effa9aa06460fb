// A kernel made of nothing: what anywidget gives a widget, with somebody at the other end who answers.

type Listener = (...values: unknown[]) => void;
export type Message = Record<string, unknown> & { kind: string };

export class FakeModel {
  readonly traits: Record<string, unknown>;
  readonly sent: Message[] = [];
  /** Called with every message of the page. */
  onSend: (message: Message) => void = () => {};
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(traits: Record<string, unknown>) {
    this.traits = {
      graph: { nodes: [], edges: [] },
      form: null,
      title: "Flow",
      runs: [],
      shown: "",
      nodes: {},
      height: 420,
      ...traits,
    };
  }

  get(name: string): unknown {
    return this.traits[name];
  }

  set(name: string, value: unknown): void {
    this.traits[name] = value;
    this.emit(`change:${name}`);
  }

  save_changes(): void {}

  send(message: Message): void {
    this.sent.push(message);
    this.onSend(message);
  }

  on(names: string, listener: Listener): void {
    for (const name of names.split(" ")) {
      this.#listeners.set(name, (this.#listeners.get(name) ?? new Set()).add(listener));
    }
  }

  off(name?: string | null, listener?: Listener | null): void {
    if (!name) {
      this.#listeners.clear();
    } else if (listener) {
      this.#listeners.get(name)?.delete(listener);
    }
  }

  emit(name: string, ...values: unknown[]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      listener(...values);
    }
  }

  /** As if the kernel had sent it. */
  receive(message: Message): void {
    this.emit("msg:custom", structuredClone(message), []);
  }
}
