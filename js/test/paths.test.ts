import { describe, expect, it } from "vitest";
// @ts-expect-error: a part of the build, which is plain JavaScript
import { shortest } from "../paths.mjs";

describe("the shortest path", () => {
  it.each([
    ["commands in the shorter of their two forms", "M18 6L6 18M6 6L18 18", "M18 6 6 18M6 6l12 12"],
    ["level and upright lines as one number", "M5 12L19 12L19 3", "M5 12h14V3"],
    ["a command's letter once", "M0 0l1 2l3 4", "M0 0l1 2 3 4"],
    ["tenths of a px", "M1.234 0.56h0.999", "M1.2.6h1"],
    ["round corners as curves", "M5 3h14a2 2 0 0 1 2 2v14", "M5 3h14q2 0 2 2v14"],
    ["a corner to the left as one", "M8 3H5a2 2 0 0 0-2 2v3", "M8 3H5Q3 3 3 5v3"],
    ["a large arc as an arc", "M11 3a8 8 0 1 0 0.01 0z", "M11 3a8 8 0 100 0z"],
    ["flags side by side, as some have them", "M3 12a9 9 0 109-9", "M3 12a9 9 0 109-9"],
  ])("has %s", (_, long, short) => {
    expect(shortest(long)).toBe(short);
  });

  it("does not let what is rounded away add up", () => {
    expect(shortest("M0 0h.14h.14h.14h.14")).toBe("M0 0h.1 .2 .1 .2");
  });
});
