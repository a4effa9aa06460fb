import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Chunks } from "../../src/model/text.ts";

const filled = (parts: string[]): Chunks => {
  const text = new Chunks();
  for (const part of parts) {
    text.append(part);
  }
  return text;
};

describe("a text that grows", () => {
  it("is what was appended", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (parts) => {
        const text = filled(parts);
        expect(text.length).toBe(parts.join("").length);
        expect(String(text)).toBe(parts.join(""));
      }),
    );
  });

  it("gives a reader all that came after where it was", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.nat(), (parts, at) => {
        const whole = parts.join("");
        const offset = Math.min(at, whole.length);
        expect(filled(parts).since(offset)).toBe(whole.slice(offset));
      }),
    );
  });

  it("stays whole over more parts than it keeps", () => {
    const parts = Array.from({ length: 10_000 }, (_, i) => `${i} `);
    expect(filled(parts).since(0)).toBe(parts.join(""));
  });

  it("never begins its tail inside a character", () => {
    expect(filled(["a😀b"]).tail(2)).toBe("b");
    expect(filled(["a😀b"]).tail(3)).toBe("😀b");
  });

  it("tells its readers when it was replaced", () => {
    const text = filled(["old"]);
    const { epoch } = text;
    text.replace("new");
    expect([String(text), text.epoch]).toEqual(["new", epoch + 1]);
  });
});
