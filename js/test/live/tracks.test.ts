// What a gateway says becomes whole logs, however often it is said.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { placeOf } from "../../src/live/place.ts";
import { type Message, makeTracks, OutOfStepError } from "../../src/live/tracks.ts";

const hello = (epoch = "e", run = "r"): Message => ({ kind: "hello", run, epoch, can: "view" });
const event = (seq: number) => ({ seq, t: seq / 10, kind: "log", level: "info", message: `${seq}` });
const frame = (from: number, to: number, run = "r"): Message => ({
  kind: "frame",
  run,
  seq: to,
  events: Array.from({ length: to - from + 1 }, (_, i) => event(from + i)),
});
const words = (tracks: ReturnType<typeof makeTracks>, run = "r") =>
  tracks.runs.get(run)?.log.map((each) => ("message" in each ? each.message : each.kind));

describe("a track", () => {
  it("has every event once, in whatever overlapping pieces they come after reconnects", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 7 }))), (pieces) => {
        const tracks = makeTracks();
        tracks.take(hello());
        let last = 0;
        for (const [back, on] of pieces) {
          tracks.take(hello());
          const from = Math.max(1, last + 1 - back);
          tracks.take(frame(from, last + on));
          last += on;
        }
        expect(words(tracks)).toEqual(last ? Array.from({ length: last }, (_, i) => `${i + 1}`) : []);
        expect(tracks.position).toBe(`e:${last}`);
      }),
    );
  });

  it("says where it is, of each run", () => {
    const tracks = makeTracks();
    tracks.take(hello("e1", "a"));
    tracks.take(hello("e2", "b"));
    tracks.take(frame(1, 3, "a"));
    expect(tracks.position).toBe("e1:3,e2:0");
  });

  it("notices what is missing", () => {
    const tracks = makeTracks();
    tracks.take(hello());
    expect(() => tracks.take(frame(2, 3))).toThrow(OutOfStepError);
    expect(tracks.position).toBe("e:0");
  });

  it("goes on after a gap, and says so", () => {
    const tracks = makeTracks();
    tracks.take(hello());
    tracks.take(frame(1, 2));
    tracks.take({ kind: "gap", run: "r", from: 3, to: 9 });
    tracks.take(frame(10, 10));
    expect(words(tracks)).toEqual(["1", "2", "7 events of this run are kept no longer: it is not whole", "10"]);
    expect(tracks.runs.get("r")?.log.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  });

  it("takes nothing twice from a log that was brought again", () => {
    const tracks = makeTracks();
    tracks.take(hello("first"));
    tracks.take(frame(1, 4));
    tracks.take(hello("second"));
    tracks.take(frame(1, 6));
    expect(words(tracks)).toEqual(["1", "2", "3", "4", "5", "6"]);
    expect(tracks.position).toBe("second:6");
  });

  it("knows whether the producer is there, and when the run is over", () => {
    const tracks = makeTracks();
    tracks.take(hello());
    expect(tracks.take({ kind: "producer", run: "r", alive: false })?.track.alive).toBe(false);
    expect(tracks.take({ kind: "end", run: "r" })?.track.ended).toBe(true);
  });

  it("passes over what it does not know", () => {
    const tracks = makeTracks();
    for (const message of [
      { kind: "beat" },
      { kind: "frame", run: "nobody", events: [event(1)] },
      { kind: "?", run: "r" },
    ]) {
      expect(tracks.take(message)).toBeNull();
    }
  });

  it("is told what the link allows before there is a run", () => {
    const tracks = makeTracks();
    tracks.take({ kind: "room", room: "x", can: "run" });
    expect(tracks.can).toBe("run");
  });
});

describe("a place", () => {
  it("is read from the address, below whatever prefix a proxy has", () => {
    const place = placeOf({ origin: "https://hub", pathname: "/services/lfwidget/flows/tutor-1/", hash: "#abc.def" });
    expect(place).toEqual({
      url: "https://hub/services/lfwidget/flows/tutor-1",
      kind: "flows",
      name: "tutor-1",
      token: "abc.def",
    });
  });
});
