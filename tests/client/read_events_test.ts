import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { readEventData } from "../../src/client/read_event_data.ts";

/** The text in pieces of these lengths in bytes, again and again. */
async function* chunksOf(text: string, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) {
    for (const length of lengths) {
      yield await Promise.resolve(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  }
}

const read = (text: string, lengths: readonly number[] = [text.length || 1]) =>
  Array.fromAsync(readEventData(chunksOf(text, lengths)));

Deno.test("readEventData() reads every event however lines end and bytes are cut", () =>
  fc.assert(fc.asyncProperty(
    fc.array(fc.tuple(fc.stringMatching(/^[^\r\n]{0,20}$/u), fc.constantFrom("\n", "\r\n"))),
    fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
    async (events, lengths) => {
      const text = events.map(([data, end]) => `: é${end}${end}id: 7${end}data: ${data}${end}${end}`).join("");
      assertEquals(await read(text, lengths), events.map(([data]) => data));
    },
  )));

Deno.test("readEventData() leaves out what is cut off before its empty line", async () => {
  const whole = "data: a\n\ndata: b\n\n";
  for (let length = 0; length <= whole.length; length++) {
    const expected = ["a", "b"].slice(0, length >= whole.length ? 2 : length >= 9 ? 1 : 0);
    assertEquals(await read(whole.slice(0, length)), expected, String(length));
  }
});

Deno.test("readEventData() joins lines of one event, and takes one space away", async () => {
  assertEquals(await read("data:a\ndata:  b\ndata\nevent: x\n\n\n\n: c\n\n"), ["a\n b"]);
});
