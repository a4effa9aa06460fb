// What of a widget's model is the same whoever is behind it: named values, and who listens to them.

type Listener = (...values: unknown[]) => void;

export class TraitsModel {
  readonly traits: Record<string, unknown>;
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(traits: Record<string, unknown>) {
    this.traits = traits;
  }

  get(name: string): unknown {
    return this.traits[name];
  }

  set(name: string, value: unknown): void {
    this.traits[name] = value;
    this.emit(`change:${name}`);
  }

  save_changes(): void {}

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
}
