// @vitest-environment happy-dom
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Chunks } from "../../src/model/text.ts";
import { blocksOf, makeLongText } from "../../src/panel/longtext.ts";

const lines = fc.string({ maxLength: 6000, unit: fc.constantFrom("a", "b", "\n", "熵", "😀") });

describe("a long text", () => {
  it("is the same text, byte for byte, however it came", () => {
    fc.assert(
      fc.property(fc.array(lines, { maxLength: 8 }), (parts) => {
        const [shown, text] = [makeLongText("Text"), new Chunks()];
        for (const part of parts) {
          text.append(part);
          shown.follow(text);
        }
        expect(shown.element.textContent).toBe(parts.join(""));
      }),
    );
  });

  it("says to whoever points at it what was masked", () => {
    const shown = makeLongText("Text");
    shown.set(`${"a line\n".repeat(400)}api_key: •••`);
    const titles = [...shown.element.children].map((block) => (block as HTMLElement).title);
    expect(titles).toEqual(["", "••• stands for a secret"]);
  });

  it("is cut into blocks of at most 2 KB, at the end of a line where there is one", () => {
    fc.assert(
      fc.property(lines, (text) => {
        for (const { part } of blocksOf(text, 0)) {
          expect(part.length).toBeLessThanOrEqual(2048);
          expect(part.length).toBeGreaterThan(0);
          expect(part.charCodeAt(0)).not.toSatisfy((code: number) => code >= 0xdc00 && code <= 0xdfff);
        }
      }),
    );
    const text = `${"x".repeat(2000)}\n${"y".repeat(100)}`;
    expect([...blocksOf(text, 0)].map(({ part }) => part.length)).toEqual([2001, 100]);
  });

  it("adds to its last block, and leaves the ones before alone", () => {
    const [shown, text] = [makeLongText("Text"), new Chunks()];
    text.append("z".repeat(3000));
    shown.follow(text);
    const first = shown.element.firstChild;
    text.append("more");
    shown.follow(text);
    expect(shown.element.firstChild).toBe(first);
    expect(shown.element.childNodes).toHaveLength(2);
  });

  it("follows its end only for a reader who is there", () => {
    const [shown, text] = [makeLongText("Text"), new Chunks()];
    const box = shown.element;
    Object.defineProperties(box, { scrollHeight: { value: 1000 }, clientHeight: { value: 300 } });
    text.append("a");
    box.scrollTop = 690;
    shown.follow(text);
    expect(box.scrollTop).toBe(1000);
    text.append("b");
    box.scrollTop = 200;
    shown.follow(text);
    expect(box.scrollTop).toBe(200);
  });
});
