// Text that grows: appended in pieces, read from where a reader left off. Nothing here joins the whole on every read.
import { max } from "../short.ts";

export class Chunks {
  #parts: string[] = [];
  #length = 0;
  /** Goes up when the text is replaced: a reader's offset is then void. */
  epoch = 0;

  /** In UTF-16 units, as offsets are. */
  get length(): number {
    return this.#length;
  }

  append(text: string): void {
    if (text === "") {
      return;
    }
    this.#parts.push(text);
    this.#length += text.length;
  }

  replace(text: string): void {
    this.#parts = text === "" ? [] : [text];
    this.#length = text.length;
    this.epoch += 1;
  }

  /** What came after `offset`, in time proportional to what came. */
  since(offset: number): string {
    let missing = this.#length - offset;
    if (missing <= 0) {
      return "";
    }
    let first = this.#parts.length;
    while (missing > 0) {
      first -= 1;
      missing -= this.#parts[first]?.length ?? missing;
    }
    const found = this.#parts.slice(first).join("");
    return missing < 0 ? found.slice(-missing) : found;
  }

  /** The last `size` units, or a little less: never half a surrogate pair. */
  tail(size: number): string {
    const found = this.since(max(0, this.#length - size));
    const code = found.charCodeAt(0);
    return code >= 0xdc00 && code <= 0xdfff ? found.slice(1) : found;
  }

  toString(): string {
    if (this.#parts.length > 1) {
      this.#parts = [this.#parts.join("")];
    }
    return this.#parts[0] ?? "";
  }
}
