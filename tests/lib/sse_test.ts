import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { EventTooLargeError, readServerSentEvents, type ServerSentEvent } from "../../src/lib/sse.ts";

/** Splits a text into chunks of these lengths in bytes, repeatedly. */
async function* chunksOf(text: string, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) {
    for (const length of lengths) {
      yield await Promise.resolve(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  }
}

async function read(text: string, lengths: readonly number[] = [text.length || 1]): Promise<ServerSentEvent[]> {
  const events = [];
  for await (const event of readServerSentEvents(chunksOf(text, lengths))) events.push(event);
  return events;
}

Deno.test("readServerSentEvents() reads every event however lines end and bytes are cut", () => {
  const value = fc.stringMatching(/^[^\r\n\0 ][^\r\n\0]{0,20}$/u);
  return fc.assert(fc.asyncProperty(
    fc.array(fc.record({ type: value, id: value, data: value, end: fc.constantFrom("\n", "\r\n", "\r") })),
    fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
    async (events, lengths) => {
      const text = events.map(({ type, id, data, end }) =>
        `: é${end}${end}id: ${id}${end}data: ${data}${end}event:${type}${end}${end}`
      ).join("");
      assertEquals(
        await read(text, lengths),
        events.flatMap(({ type, id, data }) => [{ comment: "é" }, { event: type, id, data }]),
      );
    },
  ));
});

Deno.test("readServerSentEvents() reads the same events whatever the chunks are", () =>
  fc.assert(fc.asyncProperty(
    fc.array(fc.constantFrom("\r", "\n", ":", " ", "data", "event", "id", "retry", "1", "é", "😀", "\0")),
    fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }),
    async (parts, lengths) => {
      const text = parts.join("");
      assertEquals(await read(text, lengths), await read(text, [1000]));
    },
  )));

Deno.test("readServerSentEvents() drops an event that is cut off before its empty line", async () => {
  const whole = "data: a\n\ndata: b\n\n";
  for (let length = 0; length <= whole.length; length++) {
    const expected = ["a", "b"].slice(0, length >= whole.length ? 2 : length >= 9 ? 1 : 0);
    assertEquals((await read(whole.slice(0, length))).map(({ data }) => data), expected, String(length));
  }
});

Deno.test("readServerSentEvents() reads the examples of the standard", async () => {
  for (
    const [text, expected] of [
      ["data: This is the first message.\n\ndata: This is the second\ndata: one\n\n", [
        { data: "This is the first message." },
        { data: "This is the second\none" },
      ]],
      ["data: YHOO\ndata: +2\ndata: 10\n\n", [{ data: "YHOO\n+2\n10" }]],
      [": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n", [
        { comment: "test stream" },
        { data: "first event", id: "1" },
        { data: "second event", id: "" },
        { data: " third event" },
      ]],
      ["data\n\ndata\ndata\n\ndata:", [{ data: "" }, { data: "\n" }]],
      ["data:test\n\ndata: test\n\n", [{ data: "test" }, { data: "test" }]],
    ] as const
  ) assertEquals<readonly ServerSentEvent[]>(await read(text), expected, text);
});

Deno.test("readServerSentEvents() joins lines of one event, and ignores unknown fields and wrong values", async () => {
  assertEquals(await read("\ufeffdata:a\ndata:  b\ndata\nretry: 5\n\n\n\n: c\n:d\n\nevent: x\nid: 1\n\n"), [
    { data: "a\n b\n", retry: 5 },
    { comment: "c\nd" },
    { event: "x", id: "1" },
  ]);
  assertEquals(await read("Data: a\ndata : b\nx\n\nid: a\0b\nretry: -1\nretry: 1.5\nretry:\n\n"), []);
});

Deno.test("readServerSentEvents() rejects an event without an end, of whatever lines it is", async () => {
  for (const piece of ["data: ", "data: x\n", ": x\n", "x"]) {
    let taken = 0;
    const endless = async function* () {
      yield* chunksOf("data: good\n\n", [12]);
      for (;; taken += piece.length) yield await Promise.resolve(new TextEncoder().encode(piece));
    };
    const seen: (string | undefined)[] = [];
    await assertRejects(async () => {
      for await (const { data } of readServerSentEvents(endless(), { maxLength: 1000 })) seen.push(data);
    }, EventTooLargeError);
    assertEquals(seen, ["good"]);
    assert(taken < 2000, `${taken} characters of ${JSON.stringify(piece)}`);
  }
});

Deno.test("readServerSentEvents() does not limit what many events take together", async () => {
  const text = "data: x\n\n: y\n\n".repeat(500);
  let count = 0;
  for await (const _event of readServerSentEvents(chunksOf(text, [7, 300]), { maxLength: 400 })) count += 1;
  assertEquals(count, 1000);
});

Deno.test("readServerSentEvents() gives no event the type or id of the one before", async () => {
  assertEquals(await read("event: open\nid: 1\ndata: a\n\ndata: b\n\nid: 2\n\ndata: c\n\n"), [
    { event: "open", id: "1", data: "a" },
    { data: "b" },
    { id: "2" },
    { data: "c" },
  ]);
});
