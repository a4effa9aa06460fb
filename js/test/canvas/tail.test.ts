// @vitest-environment happy-dom
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeTail } from "../../src/canvas/tail.ts";
import { Chunks } from "../../src/model/text.ts";

describe("the tail of a stream", () => {
  it("always ends as the stream does, and never grows past its window", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 300 }), { maxLength: 30 }), (parts) => {
        const element = document.createElement("div");
        const [tail, text] = [makeTail(element), new Chunks()];
        for (const part of parts) {
          text.append(part);
          tail.follow(text);
        }
        const shown = element.textContent ?? "";
        expect(String(text).endsWith(shown)).toBe(true);
        expect(shown.length).toBeLessThanOrEqual(800);
        expect(shown.length).toBeGreaterThanOrEqual(Math.min(text.length, 399));
      }),
    );
  });

  it("says to whoever points at it what was masked", () => {
    const element = document.createElement("div");
    const [tail, text] = [makeTail(element), new Chunks()];
    text.append("the key is ");
    tail.follow(text);
    expect(element.title).toBe("");
    text.append("•••");
    tail.follow(text);
    expect(element.title).toBe("••• stands for a secret");
  });

  it("begins anew with another text, or one that was replaced", () => {
    const element = document.createElement("div");
    const [tail, one, two] = [makeTail(element), new Chunks(), new Chunks()];
    one.append("one");
    two.append("two");
    tail.follow(one);
    tail.follow(two);
    expect(element.textContent).toBe("two");
    two.replace("zwei");
    tail.follow(two);
    expect(element.textContent).toBe("zwei");
    tail.set("an error");
    tail.follow(two);
    expect(element.textContent).toBe("zwei");
  });
});
