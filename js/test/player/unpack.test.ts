// What Python packed is what the page unpacks.
import { describe, expect, it } from "vitest";
import { bytesOf } from "../../src/inflate.ts";
import { unpack } from "../../src/player/unpack.ts";
import { eventsOf, names, packed } from "../golden.ts";

describe("a packed log", () => {
  it.each(names)("of %s unpacks to the same events", async (name) => {
    const { events } = await unpack(packed()[name] ?? "");
    expect(events).toEqual(eventsOf(name));
  });

  it("brings its head along", async () => {
    const { about } = await unpack(packed().loop ?? "");
    expect(about).toMatchObject({ flow: "flow", run_id: "r1" });
  });

  it.each(["", "nothing", "00000"])("that is damaged (%s) is refused", async (text) => {
    await expect(unpack(text)).rejects.toThrow();
  });
});

describe("base 85", () => {
  it("has short groups at the end", () => {
    const decode = (text: string) => new TextDecoder().decode(bytesOf(text));
    // As Python's base64.b85encode has them.
    expect(["VE", "VPX", "VPaz", "VPa!s", "VPa!sVE"].map(decode)).toEqual(["a", "ab", "abc", "abcd", "abcda"]);
  });
});
