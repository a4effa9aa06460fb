// A kernel made of nothing: what anywidget gives a widget, with somebody at the other end who answers.

import { TraitsModel } from "../src/live/traits.ts";

export type Message = Record<string, unknown> & { kind: string };

export class FakeModel extends TraitsModel {
  readonly sent: Message[] = [];
  /** Called with every message of the page. */
  onSend: (message: Message) => void = () => {};

  constructor(traits: Record<string, unknown>) {
    super({
      graph: { nodes: [], edges: [] },
      form: null,
      title: "Flow",
      runs: [],
      shown: "",
      nodes: {},
      height: 420,
      ...traits,
    });
  }

  send(message: Message): void {
    this.sent.push(message);
    this.onSend(message);
  }

  /** As if the kernel had sent it. */
  receive(message: Message): void {
    this.emit("msg:custom", structuredClone(message), []);
  }
}
