// @vitest-environment happy-dom
// The connection of the page, with a socket and a server made of nothing. The real ones are in tests/browser/.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openLink, type Standing } from "../../src/live/link.ts";
import { placeOf } from "../../src/live/place.ts";
import { type Message, OutOfStepError } from "../../src/live/tracks.ts";

class FakeSocket {
  static readonly OPEN = 1;
  static readonly made: FakeSocket[] = [];
  readyState = 1;
  readonly sent: string[] = [];
  onmessage: (event: { data: string }) => void = () => {};
  onclose: (event: { code: number; reason: string }) => void = () => {};
  readonly url: string;
  readonly protocols: string[];

  constructor(url: string, protocols: string[]) {
    this.url = url;
    this.protocols = protocols;
    FakeSocket.made.push(this);
  }
  send(text: string) {
    this.sent.push(text);
  }
  close(code = 1000, reason = "") {
    this.readyState = 3;
    this.onclose({ code, reason });
  }
}

const place = placeOf({ origin: "https://host", pathname: "/runs/a", hash: "#secret" });
const standings: Standing[] = [];
const taken: Message[] = [];
const newest = () => FakeSocket.made.at(-1) as FakeSocket;
const answer = (status: number, body: unknown) => vi.fn(async () => new Response(JSON.stringify(body), { status }));
let link: ReturnType<typeof openLink>;

const open = (take: (message: Message) => void = (message) => void taken.push(message)) => {
  link = openLink({ place, position: () => "e:7", take, stand: (standing) => void standings.push(standing) });
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("fetch", answer(200, {}));
  FakeSocket.made.length = standings.length = taken.length = 0;
});
afterEach(() => {
  link.close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("a link", () => {
  it("hands the token in as a subprotocol, after ours, and never in the address", () => {
    open();
    expect(newest().protocols).toEqual(["lfwidget.v1", "token.secret"]);
    expect(newest().url).toBe("wss://host/runs/a/stream?since=e:7");
  });

  it("says when it is connected, and passes on what comes", () => {
    open();
    newest().onmessage({ data: '{"kind":"beat"}' });
    expect(standings).toEqual([{ kind: "connecting" }, { kind: "connected", transport: "websocket" }]);
    expect(taken).toEqual([{ kind: "beat" }]);
  });

  it("comes back after a loss", async () => {
    open();
    newest().onmessage({ data: '{"kind":"beat"}' });
    newest().close(1006);
    await vi.advanceTimersByTimeAsync(3000);
    expect(FakeSocket.made).toHaveLength(2);
    expect(standings.at(-1)).toEqual({ kind: "reconnecting" });
    newest().onmessage({ data: '{"kind":"beat"}' });
    expect(standings.at(-1)).toEqual({ kind: "connected", transport: "websocket" });
  });

  it("gives up a gateway that says nothing for long", async () => {
    open();
    newest().onmessage({ data: '{"kind":"beat"}' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.made.length).toBeGreaterThan(1);
  });

  it("does not come back when it is sent away", async () => {
    open();
    newest().onmessage({ data: '{"kind":"beat"}' });
    newest().close(4403, "this link was closed");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.made).toHaveLength(1);
    expect(standings.at(-1)).toEqual({ kind: "over", words: "this link was closed" });
  });

  it("says in the gateway's words why a socket was refused, which a browser keeps to itself", async () => {
    vi.stubGlobal("fetch", answer(401, { error: "the link has expired" }));
    open();
    newest().close(1006);
    await vi.advanceTimersByTimeAsync(100);
    expect(standings.at(-1)).toEqual({ kind: "over", words: "the link has expired" });
  });

  it("asks again where something is missing, without a word", async () => {
    open(() => {
      throw new OutOfStepError();
    });
    newest().onmessage({ data: '{"kind":"frame"}' });
    await vi.advanceTimersByTimeAsync(3000);
    expect(FakeSocket.made.length).toBeGreaterThan(1);
    expect(standings.map(({ kind }) => kind)).not.toContain("reconnecting");
  });

  it("sends only what can be heard", () => {
    open();
    expect(link.send({ kind: "choose" })).toBe(true);
    expect(newest().sent).toEqual(['{"kind":"choose"}']);
    newest().readyState = 3;
    expect(link.send({ kind: "choose" })).toBe(false);
  });
});
