import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { EventTooLargeError, readEvents } from "../../src/client/read_events.ts";

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
  Array.fromAsync(readEvents(chunksOf(text, lengths)));

Deno.test("readEvents() reads every event however lines end and bytes are cut", () => {
  const value = fc.stringMatching(/^[^\r\n ][^\r\n]{0,20}$/u);
  return fc.assert(fc.asyncProperty(
    fc.array(fc.record({ type: value, id: value, data: value, end: fc.constantFrom("\n", "\r\n") })),
    fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
    async (events, lengths) => {
      const text = events.map(({ type, id, data, end }) =>
        `: é${end}${end}id: ${id}${end}data: ${data}${end}event:${type}${end}${end}`
      ).join("");
      assertEquals(await read(text, lengths), events.map(({ type, id, data }) => ({ type, id, data })));
    },
  ));
});

Deno.test("readEvents() leaves out what is cut off before its empty line", async () => {
  const whole = "data: a\n\ndata: b\n\n";
  for (let length = 0; length <= whole.length; length++) {
    const expected = ["a", "b"].slice(0, length >= whole.length ? 2 : length >= 9 ? 1 : 0);
    assertEquals((await read(whole.slice(0, length))).map(({ data }) => data), expected, String(length));
  }
});

Deno.test("readEvents() joins lines of one event, and takes one space away", async () => {
  const [event, ...more] = await read("data:a\ndata:  b\ndata\nretry: 5\n\n\n\n: c\n\nevent: x\nid: 1\n\n");
  assertEquals([event, more], [{ type: "", id: "", data: "a\n b" }, []]);
});

Deno.test("readEvents() gives up an event without an end, of whatever lines it is", async () => {
  for (const piece of ["data: ", "data: x\n", ": x\n", "x"]) {
    let taken = 0;
    const endless = async function* () {
      yield* chunksOf("data: good\n\n", [12]);
      for (;; taken += piece.length) yield await Promise.resolve(new TextEncoder().encode(piece));
    };
    const seen: string[] = [];
    await assertRejects(async () => {
      for await (const { data } of readEvents(endless(), 1000)) seen.push(data);
    }, EventTooLargeError);
    assertEquals(seen, ["good"]);
    assert(taken < 2000, `${taken} characters of ${JSON.stringify(piece)}`);
  }
});

Deno.test("readEvents() has no bound for what many events take together", async () => {
  const text = "data: x\n\n: y\n\n".repeat(500);
  assertEquals((await Array.fromAsync(readEvents(chunksOf(text, [7, 300]), 400))).length, 500);
});

Deno.test("readEvents() gives no event the type or id of the one before", async () => {
  assertEquals(await read("event: open\nid: 1\ndata: a\n\ndata: b\n\nid: 2\n\ndata: c\n\n"), [
    { type: "open", id: "1", data: "a" },
    { type: "", id: "", data: "b" },
    { type: "", id: "", data: "c" },
  ]);
});
