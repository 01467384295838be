import { assert, assertEquals } from "@std/assert";
import { MemoryHistory } from "../../../src/mqtt/hub/memory_history.ts";
import { type ReceivedMessage, receivedMessage } from "../../../src/mqtt/hub/received_message.ts";

const main = {};
const other = {};

/** Appends a message; on the topic "a" with a payload of one byte it counts for 258 bytes. */
function append(
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
  history.after(offset, { source, filters: ["#"] }).map(({ message }) => message.payload);

Deno.test("next() assigns growing positions, and includes() accepts only those", () => {
  const history = new MemoryHistory({ epoch: "this", limits: { resumeBytes: 1000 } });
  assertEquals(history.position, { epoch: "this", offset: 0 });
  assertEquals([history.next(), history.next()], [{ epoch: "this", offset: 1 }, { epoch: "this", offset: 2 }]);
  assertEquals([0, 2, 3].map((offset) => history.includes({ epoch: "this", offset })), [true, true, false]);
  assertEquals(history.includes({ epoch: "other", offset: 1 }), false);
});

Deno.test("after() returns later messages of the same broker", () => {
  const history = new MemoryHistory({ epoch: "this", limits: { resumeBytes: 10_000 } });
  for (const [source, payload] of [[main, "1"], [other, "2"], [main, "3"]] as const) append(history, source, payload);
  assertEquals([after(history, 0, main), after(history, 1, main), after(history, 0, other)], [["1", "3"], ["3"], [
    "2",
  ]]);
});

const isComplete = (history: MemoryHistory, offset: number, source: object = main, ...filters: string[]) =>
  history.isCompleteAfter(offset, { source, filters: filters.length === 0 ? ["a"] : filters });

Deno.test("isCompleteAfter() returns whether all later messages of a broker that match are kept", () => {
  const history = new MemoryHistory({ epoch: "this", limits: { resumeBytes: 2 * 258 } });
  append(history, main, "1");
  history.next();
  append(history, main, "2");
  assertEquals([isComplete(history, 0), history.bytes], [true, 2 * 258]);
  append(history, other, "3");
  assertEquals([0, 1, 2].map((offset) => isComplete(history, offset)), [false, true, true]);
  assertEquals([isComplete(history, 0, other), isComplete(history, 0, main, "b", "c/#")], [true, true]);
  assertEquals(isComplete(history, 0, main, "b", "#"), false);
  assertEquals([after(history, 0, main), after(history, 0, other)], [["2"], ["3"]]);
});

Deno.test("a history without memory keeps nothing, and is incomplete", () => {
  const history = new MemoryHistory({ epoch: "this", limits: { resumeBytes: 0 } });
  assertEquals(isComplete(history, 0), true);
  append(history, main, "1");
  assertEquals([isComplete(history, 0), isComplete(history, 1), after(history, 0, main)], [false, true, []]);
});

Deno.test("a flood evicts no messages of another broker, and none of another topic", () => {
  const history = new MemoryHistory({ epoch: "this", limits: { resumeBytes: 10_000 } });
  append(history, main, "quiet");
  append(history, other, "quiet", { topic: "door" });
  for (let index = 0; index < 100; index++) append(history, other, "x".repeat(700), { topic: `flood/${index}` });
  append(history, other, "x".repeat(20_000), { topic: "huge" });
  assertEquals([
    isComplete(history, 0),
    isComplete(history, 0, other, "door"),
    isComplete(history, 0, other, "flood/#"),
  ], [
    true,
    true,
    false,
  ]);
  assertEquals([isComplete(history, 101, other, "huge"), isComplete(history, 103, other, "huge")], [false, true]);
  assertEquals([after(history, 0, main), after(history, 0, other)[0]], [["quiet"], "quiet"]);
  assert(history.bytes <= 10_000);
});

Deno.test("append() evicts messages beyond the age limit, and compacts", () => {
  let time = 0;
  const limits = { resumeBytes: 1_000_000, resumeSeconds: 30 };
  const history = new MemoryHistory({ epoch: "this", limits, monotonic: () => time });
  for (let index = 0; index < 5000; index++) {
    time = index * 120_000;
    append(history, main, "x", { topic: `${index}` });
  }
  assertEquals(after(history, 0, main).length, 2);
  assertEquals(history.bytes, 2 * (256 + 4 + 1));
  assertEquals([isComplete(history, 4990, main, "4998"), isComplete(history, 4998, main, "#")], [true, true]);
  assertEquals(isComplete(history, 4997, main, "#"), false);
});

Deno.test("append() evicts nothing because of a wall clock that is hours off, here or where a message was received", () => {
  const limits = { resumeBytes: 1_000_000, resumeSeconds: 30 };
  const history = new MemoryHistory({ epoch: "this", limits, monotonic: () => 1_000 });
  for (const hours of [0, 10, -10]) append(history, main, `${hours}`, { receivedAt: hours * 3_600_000 });
  assertEquals(after(history, 0, main), ["0", "10", "-10"]);
});

Deno.test("deleteSource() deletes the messages of a broker, and no others", () => {
  const history = new MemoryHistory({ epoch: "this", limits: { resumeBytes: 1_000_000 } });
  for (const source of [main, other, main]) append(history, source, "x");
  history.deleteSource(main);
  assertEquals([after(history, 0, main), after(history, 0, other), history.bytes], [[], ["x"], 258]);
});

Deno.test("a message whose payload was omitted takes no memory for it", () => {
  const history = new MemoryHistory({ epoch: "e", limits: { resumeBytes: 10_000 } });
  append(history, main, "1");
  const delivery = { topic: "a", payload: new Uint8Array(), omittedBytes: 150_000_000, qos: 0, retain: false } as const;
  const message = receivedMessage(delivery, { position: history.next(), receivedAt: 0 });
  history.append({ message, source: main, subscriptions: undefined });
  assertEquals([message.payloadBytes, after(history, 0, main).length, history.bytes < 600], [150_000_000, 2, true]);
});
