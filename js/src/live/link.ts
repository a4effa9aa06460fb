// The connection to a gateway: a WebSocket; where none gets through, server-sent events. Whatever happens to one, the
// next goes on from the last event; only a refusal ends it.
import { eventsOf, type Place, socketOf } from "./place.ts";
import { type Message, OutOfStepError } from "./tracks.ts";

export type Standing =
  | { kind: "connecting" }
  | { kind: "connected"; transport: Transport }
  | { kind: "reconnecting" }
  /** It will not come back. */
  | { kind: "over"; words: string };

type Transport = "websocket" | "sse";

export interface Link {
  /** Asks for something; false where that cannot be heard now. */
  send(message: unknown): boolean;
  close(): void;
}

interface Options {
  place: Place;
  /** Where we are: `since=`. */
  position(): string;
  /** Takes a message; throws OutOfStepError where something is missing. */
  take(message: Message): void;
  stand(standing: Standing): void;
}

/** A gateway that says nothing for so long is gone: it beats every 20 s (ms). */
const SILENCE = 45_000;
const LONGEST_PAUSE = 10_000;
/** Failures of a socket that never opened before server-sent events are tried. */
const TRIES = 2;
const RESUME = 4408;
/** HTTP statuses, and 4000 and these as close codes, after which coming back does not help. */
const FINAL = [400, 401, 403, 404, 410];

class RefusedError extends Error {}

export function openLink({ place, position, take, stand }: Options): Link {
  let transport: Transport = "websocket";
  let worked = false;
  let failures = 0;
  let socket: WebSocket | undefined;
  let closed = false;
  const end = new AbortController();

  const hear = (text: string) => {
    if (!worked || failures > 0) {
      stand({ kind: "connected", transport });
    }
    worked = true;
    failures = 0;
    take(JSON.parse(text));
  };

  const overSocket = (): Promise<void> =>
    new Promise((resolve, reject) => {
      // The token is a second subprotocol, since a browser can set no header and an address ends up in logs.
      const made = new WebSocket(`${socketOf(place)}?since=${position()}`, ["lfwidget.v1", `token.${place.token}`]);
      let silence: ReturnType<typeof setTimeout> | undefined;
      const listen = () => {
        clearTimeout(silence);
        silence = setTimeout(() => made.close(), SILENCE);
      };
      const fail = (error: unknown) => {
        reject(error);
        made.close();
      };
      socket = made;
      listen();
      made.onmessage = ({ data }) => {
        listen();
        try {
          hear(data);
        } catch (error) {
          fail(error);
        }
      };
      made.onclose = ({ code, reason }) => {
        clearTimeout(silence);
        socket = undefined;
        if (FINAL.includes(code - 4000)) {
          reject(new RefusedError(reason));
        } else if (code === RESUME) {
          resolve();
        } else {
          reject(new Error(reason || "the connection was lost"));
        }
      };
    });

  const overSse = async (): Promise<void> => {
    const response = await ask("text/event-stream", {});
    // The run is over, and we have all of it.
    closed ||= response.status === 204;
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader?.read()) {
      const lines = (rest + chunk.value).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.startsWith("data:")) {
          hear(line.slice(5));
        }
      }
    }
  };

  /** A request with the token; a refusal is said in the gateway's words, which a socket cannot do. */
  const ask = async (accept: string, query: Record<string, string>): Promise<Response> => {
    const headers = { Authorization: `Bearer ${place.token}`, Accept: accept };
    const since = new URLSearchParams({ since: position(), ...query });
    const response = await fetch(`${eventsOf(place)}?${since}`, { headers, cache: "no-store", signal: end.signal });
    if (FINAL.includes(response.status)) {
      const said: { error?: string } = await response.json().catch(() => ({}));
      throw new RefusedError(said.error ?? `The gateway refuses (${response.status}).`);
    }
    if (!response.ok) {
      throw new Error(`The gateway answers ${response.status}.`);
    }
    return response;
  };

  const keepOpen = async () => {
    stand({ kind: "connecting" });
    while (!closed) {
      try {
        await (transport === "websocket" ? overSocket() : overSse());
        await visible();
      } catch (error) {
        if (await isFinal(error)) {
          return;
        }
      }
      await pause();
    }
  };

  /** Whether the trouble is one that stays; it is told. */
  const isFinal = async (error: unknown): Promise<boolean> => {
    failures += 1;
    let refusal = error;
    if (!(error instanceof OutOfStepError) && !closed && !worked && transport === "websocket") {
      // A browser does not say why a socket was refused; a plain request does.
      refusal = await ask("application/json", { wait: "0" }).then(
        () => error,
        (why: unknown) => why,
      );
      transport = failures >= TRIES ? "sse" : "websocket";
    }
    if (refusal instanceof RefusedError) {
      stand({ kind: "over", words: refusal.message });
      return true;
    }
    if (!closed && !(error instanceof OutOfStepError)) {
      stand({ kind: "reconnecting" });
    }
    return closed;
  };

  const pause = () => {
    const longest = Math.min(LONGEST_PAUSE, 200 * 2 ** Math.min(failures, 10));
    return new Promise((done) => setTimeout(done, 50 + Math.random() * longest));
  };

  void keepOpen();
  return {
    send(message) {
      if (socket?.readyState !== WebSocket.OPEN) {
        return false;
      }
      socket.send(JSON.stringify(message));
      return true;
    },
    close() {
      closed = true;
      end.abort();
      socket?.close();
    },
  };
}

/** Nobody looks at a hidden page: what was closed because nothing happened is opened when somebody does. */
function visible(): Promise<void> {
  return new Promise((done) => {
    const look = () => {
      if (document.visibilityState !== "hidden") {
        document.removeEventListener("visibilitychange", look);
        done();
      }
    };
    document.addEventListener("visibilitychange", look);
    look();
  });
}
