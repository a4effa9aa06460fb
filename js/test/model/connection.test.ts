import { beforeEach, describe, expect, it } from "vitest";
import { type Connection, LOOK, makeConnection } from "../../src/model/connection.ts";

let now: number;
let pings: number;
let connection: Connection;

beforeEach(() => {
  now = 1000;
  pings = 0;
  connection = makeConnection(
    () => {
      pings += 1;
    },
    () => {},
    () => now,
  );
});

/** Lets time pass as the page does, looking regularly. */
function pass(ms: number, live: boolean): void {
  for (const end = now + ms; now < end; ) {
    now += LOOK;
    connection.look(live);
  }
}

describe("the connection to the kernel", () => {
  it("is silent after five seconds without a beat while a run is live", () => {
    pass(5000, true);
    expect(connection.health).toBe("ok");
    pass(LOOK, true);
    expect(connection.health).toBe("silent");
  });

  it("needs no beats while nothing runs", () => {
    pass(60_000, false);
    expect(connection.health).toBe("ok");
  });

  it("is well again when anything is heard", () => {
    pass(6000, true);
    connection.hear("frame", false);
    expect(connection.health).toBe("ok");
  });

  it("does not take its own sleep for the kernel's", () => {
    now += 60_000;
    connection.look(true);
    expect(connection.health).toBe("ok");
  });

  it("is busy when a beat says so, until one says otherwise", () => {
    connection.hear("beat", true);
    connection.hear("frame", false);
    expect(connection.health).toBe("busy");
    connection.hear("beat", false);
    expect(connection.health).toBe("ok");
  });

  it("is busy when nobody answers a button in a second and a half", () => {
    connection.ask();
    expect(pings).toBe(1);
    pass(1500, false);
    expect(connection.health).toBe("ok");
    pass(LOOK, false);
    expect(connection.health).toBe("busy");
    connection.hear("pong", false);
    expect(connection.health).toBe("ok");
  });

  it("stays busy for beats that come while a button waits for its answer", () => {
    connection.ask();
    pass(2000, false);
    connection.hear("beat", false);
    expect(connection.health).toBe("busy");
  });

  it("is gone with its comm, and back with a message", () => {
    connection.lose();
    pass(10_000, true);
    expect(connection.health).toBe("gone");
    connection.hear("frame", false);
    expect(connection.health).toBe("ok");
  });
});
