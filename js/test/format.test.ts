import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { count, prettyJson, preview, seconds, usage } from "../src/format.ts";

describe("what a person reads", () => {
  it.each([
    [0, "0 ms"],
    [-0.001, "0 ms"],
    [0.0064, "6 ms"],
    [0.9996, "1.0 s"],
    [3.42, "3.4 s"],
    [99.96, "1:40 min"],
    [125, "2:05 min"],
  ])("of %s seconds is %s", (value, words) => {
    expect(seconds(value)).toBe(words);
  });

  it("of counts is grouped", () => {
    expect(count(1234567)).toBe("1,234,567");
  });

  it("of usage is what is known of it", () => {
    expect(usage({ input_tokens: 1200, output_tokens: 0 })).toBe("1,200 in · 0 out");
    expect(usage({ output_tokens: 3 })).toBe("3 out");
    expect(usage(null)).toBe("");
  });

  it("of JSON is indented once it is whole", () => {
    expect(prettyJson('{"a":')).toBe('{"a":');
    expect(prettyJson('{"a":1}')).toBe('{\n  "a": 1\n}');
  });
});

describe("a preview", () => {
  it.each([
    ["text", "text"],
    [null, ""],
    [3, "3"],
    [{ content: "said", type: "ai" }, "said"],
    [{ output: "only" }, "only"],
    [
      {
        messages: [
          { type: "human", content: "q" },
          { type: "ai", content: "a" },
        ],
      },
      "a",
    ],
    [
      [
        { type: "human", content: "q" },
        { type: "ai", content: "a" },
      ],
      "q\na",
    ],
    [{ type: "ai", content: "", tool_calls: [{ name: "search", args: { q: 1 } }] }, 'search({"q":1})'],
    [{ a: 1, b: [2, "x"] }, "a: 1, b: 2, x"],
  ])("of %j is %s", (value, words) => {
    expect(preview(value)).toBe(words);
  });

  it("is never longer than it may be", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 5, max: 50 }), (value, limit) => {
        expect(preview(value, limit).length).toBeLessThanOrEqual(limit);
      }),
    );
  });
});
