import { assert, assertEquals } from "@std/assert";
import { MemoryHistory } from "../../../src/mqtt/hub/memory_history.ts";
import { type ReceivedMessage, receivedMessage } from "../../../src/mqtt/hub/received_message.ts";

const main = {};
const other = {};

/** Keeps a message, on the topic "a" with a payload of one byte: 258 bytes with all that belongs to it. */
function keep(
  history: MemoryHistory,
  source: object,
  payload: string,
  { topic = "a", receivedAt = 0 }: { readonly topic?: string; readonly receivedAt?: number } = {},
): void {
  const message: ReceivedMessage = {
    position: history.next(),
    topic,
    payload,
    payloadBytes: payload.length,
    qos: 0,
    retain: false,
    receivedAt,
  };
  history.append({ message, source, subscriptions: undefined });
}

const after = (history: MemoryHistory, offset: number, source: object) =>
  [...history.after(offset, source)].map(({ message }) => message.payload);

Deno.test("next() gives out positions that grow, and knows() them and no others", () => {
  const history = new MemoryHistory({ epoch: "this", maxBytes: 1000 });
  assertEquals(history.position, { epoch: "this", offset: 0 });
  assertEquals([history.next(), history.next()], [{ epoch: "this", offset: 1 }, { epoch: "this", offset: 2 }]);
  assertEquals([0, 2, 3].map((offset) => history.includes({ epoch: "this", offset })), [true, true, false]);
  assertEquals(history.includes({ epoch: "other", offset: 1 }), false);
});

Deno.test("after() yields what came later from the same broker", () => {
  const history = new MemoryHistory({ epoch: "this", maxBytes: 10_000 });
  for (const [source, payload] of [[main, "1"], [other, "2"], [main, "3"]] as const) keep(history, source, payload);
  assertEquals([after(history, 0, main), after(history, 1, main), after(history, 0, other)], [["1", "3"], ["3"], [
    "2",
  ]]);
});

const reaches = (history: MemoryHistory, offset: number, source: object = main, ...filters: string[]) =>
  history.isCompleteAfter(offset, { source, filters: filters.length === 0 ? ["a"] : filters });

Deno.test("reaches() tells whether all that came later and matches is still there, of that broker", () => {
  const history = new MemoryHistory({ epoch: "this", maxBytes: 2 * 258 });
  keep(history, main, "1");
  history.next();
  keep(history, main, "2");
  assertEquals([reaches(history, 0), history.bytes], [true, 2 * 258]);
  keep(history, other, "3");
  assertEquals([0, 1, 2].map((offset) => reaches(history, offset)), [false, true, true]);
  assertEquals([reaches(history, 0, other), reaches(history, 0, main, "b", "c/#")], [true, true]);
  assertEquals(reaches(history, 0, main, "b", "#"), false);
  assertEquals([after(history, 0, main), after(history, 0, other)], [["2"], ["3"]]);
});

Deno.test("a log without room keeps nothing, and says so", () => {
  const history = new MemoryHistory({ epoch: "this", maxBytes: 0 });
  assertEquals(reaches(history, 0), true);
  keep(history, main, "1");
  assertEquals([reaches(history, 0), reaches(history, 1), after(history, 0, main)], [false, true, []]);
});

Deno.test("a broker that sends much evicts no messages of another one, and a topic none of another topic", () => {
  const history = new MemoryHistory({ epoch: "this", maxBytes: 10_000 });
  keep(history, main, "quiet");
  keep(history, other, "quiet", { topic: "door" });
  for (let index = 0; index < 100; index++) keep(history, other, "x".repeat(700), { topic: `flood/${index}` });
  keep(history, other, "x".repeat(20_000), { topic: "huge" });
  assertEquals([reaches(history, 0), reaches(history, 0, other, "door"), reaches(history, 0, other, "flood/#")], [
    true,
    true,
    false,
  ]);
  assertEquals([reaches(history, 101, other, "huge"), reaches(history, 103, other, "huge")], [false, true]);
  assertEquals([after(history, 0, main), after(history, 0, other)[0]], [["quiet"], "quiet"]);
  assert(history.bytes <= 10_000);
});

Deno.test("keep() evicts what is too old, and frees its place", () => {
  const history = new MemoryHistory({ epoch: "this", maxBytes: 1_000_000, maxAgeMs: 1000 });
  for (let second = 0; second < 5000; second++) {
    keep(history, main, "x", { receivedAt: second * 1000, topic: `${second}` });
  }
  assertEquals(after(history, 0, main).length, 2);
  assertEquals(history.bytes, 2 * (256 + 4 + 1));
  assertEquals([reaches(history, 4990, main, "4998"), reaches(history, 4998, main, "#")], [true, true]);
  assertEquals(reaches(history, 4997, main, "#"), false);
});

Deno.test("forget() drops what a broker sent, and nothing else", () => {
  const history = new MemoryHistory({ epoch: "this", maxBytes: 1_000_000 });
  for (const source of [main, other, main]) keep(history, source, "x");
  history.deleteSource(main);
  assertEquals([after(history, 0, main), after(history, 0, other), history.bytes], [[], ["x"], 258]);
});

Deno.test("a message whose payload was left out takes no room for it", () => {
  const history = new MemoryHistory({ epoch: "e", maxBytes: 10_000 });
  keep(history, main, "1");
  const delivery = { topic: "a", payload: new Uint8Array(), omittedBytes: 150_000_000, qos: 0, retain: false } as const;
  const message = receivedMessage(delivery, { position: history.next(), receivedAt: 0 });
  history.append({ message, source: main, subscriptions: undefined });
  assertEquals([message.payloadBytes, after(history, 0, main).length, history.bytes < 600], [150_000_000, 2, true]);
});
