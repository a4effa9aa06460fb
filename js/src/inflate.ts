// What `squeeze` of lfwidget/record/pack.py made: text, gzipped, in base 85.

/** The alphabet of RFC 1924, without the three characters that HTML knows. */
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%,()*+-;.=/?@^_`{|}~";

/** Four bytes for five characters; a last group that is short has as many characters less as bytes. */
export function bytesOf(packed: string): Uint8Array<ArrayBuffer> {
  const missing = (5 - (packed.length % 5)) % 5;
  const whole = packed + "~".repeat(missing);
  const bytes = new DataView(new ArrayBuffer((whole.length / 5) * 4));
  for (let at = 0; at < whole.length; at += 5) {
    let word = 0;
    for (let i = at; i < at + 5; i += 1) {
      word = word * 85 + ALPHABET.indexOf(whole.charAt(i));
    }
    bytes.setUint32((at / 5) * 4, word);
  }
  return new Uint8Array(bytes.buffer, 0, bytes.byteLength - missing);
}

export function inflate(packed: string): Promise<string> {
  const stream = new Blob([bytesOf(packed.trim())]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).text();
}
