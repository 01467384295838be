import { assert, assertEquals } from "@std/assert";
import { MemoryHistory } from "../../../src/mqtt/hub/memory_history.ts";
import { type ReceivedMessage, receivedMessage } from "../../../src/mqtt/hub/received_message.ts";

const house = {};
const barn = {};

/** Keeps a message, on the topic "a" with a payload of one byte: 258 bytes with all that belongs to it. */
function keep(
  log: MemoryHistory,
  source: object,
  payload: string,
  { topic = "a", receivedAt = 0 }: { readonly topic?: string; readonly receivedAt?: number } = {},
): void {
  const message: ReceivedMessage = {
    position: log.next(),
    topic,
    payload,
    payloadBytes: payload.length,
    qos: 0,
    retain: false,
    receivedAt,
  };
  log.append({ message, source, subscriptions: undefined });
}

const after = (log: MemoryHistory, offset: number, source: object) =>
  [...log.after(offset, source)].map(({ message }) => message.payload);

Deno.test("next() gives out positions that grow, and knows() them and no others", () => {
  const log = new MemoryHistory({ epoch: "this", maxBytes: 1000 });
  assertEquals(log.position, { epoch: "this", offset: 0 });
  assertEquals([log.next(), log.next()], [{ epoch: "this", offset: 1 }, { epoch: "this", offset: 2 }]);
  assertEquals([0, 2, 3].map((offset) => log.includes({ epoch: "this", offset })), [true, true, false]);
  assertEquals(log.includes({ epoch: "other", offset: 1 }), false);
});

Deno.test("after() yields what came later from the same broker", () => {
  const log = new MemoryHistory({ epoch: "this", maxBytes: 10_000 });
  for (const [source, payload] of [[house, "1"], [barn, "2"], [house, "3"]] as const) keep(log, source, payload);
  assertEquals([after(log, 0, house), after(log, 1, house), after(log, 0, barn)], [["1", "3"], ["3"], ["2"]]);
});

const reaches = (log: MemoryHistory, offset: number, source: object = house, ...filters: string[]) =>
  log.isCompleteAfter(offset, { source, filters: filters.length === 0 ? ["a"] : filters });

Deno.test("reaches() tells whether all that came later and matches is still there, of that broker", () => {
  const log = new MemoryHistory({ epoch: "this", maxBytes: 2 * 258 });
  keep(log, house, "1");
  log.next();
  keep(log, house, "2");
  assertEquals([reaches(log, 0), log.bytes], [true, 2 * 258]);
  keep(log, barn, "3");
  assertEquals([0, 1, 2].map((offset) => reaches(log, offset)), [false, true, true]);
  assertEquals([reaches(log, 0, barn), reaches(log, 0, house, "b", "c/#")], [true, true]);
  assertEquals(reaches(log, 0, house, "b", "#"), false);
  assertEquals([after(log, 0, house), after(log, 0, barn)], [["2"], ["3"]]);
});

Deno.test("a log without room keeps nothing, and says so", () => {
  const log = new MemoryHistory({ epoch: "this", maxBytes: 0 });
  assertEquals(reaches(log, 0), true);
  keep(log, house, "1");
  assertEquals([reaches(log, 0), reaches(log, 1), after(log, 0, house)], [false, true, []]);
});

Deno.test("a broker that sends much evicts no messages of another one, and a topic none of another topic", () => {
  const log = new MemoryHistory({ epoch: "this", maxBytes: 10_000 });
  keep(log, house, "quiet");
  keep(log, barn, "quiet", { topic: "door" });
  for (let index = 0; index < 100; index++) keep(log, barn, "x".repeat(700), { topic: `flood/${index}` });
  keep(log, barn, "x".repeat(20_000), { topic: "huge" });
  assertEquals([reaches(log, 0), reaches(log, 0, barn, "door"), reaches(log, 0, barn, "flood/#")], [true, true, false]);
  assertEquals([reaches(log, 101, barn, "huge"), reaches(log, 103, barn, "huge")], [false, true]);
  assertEquals([after(log, 0, house), after(log, 0, barn)[0]], [["quiet"], "quiet"]);
  assert(log.bytes <= 10_000);
});

Deno.test("keep() evicts what is too old, and frees its place", () => {
  const log = new MemoryHistory({ epoch: "this", maxBytes: 1_000_000, maxAgeMs: 1000 });
  for (let second = 0; second < 5000; second++) {
    keep(log, house, "x", { receivedAt: second * 1000, topic: `${second}` });
  }
  assertEquals(after(log, 0, house).length, 2);
  assertEquals(log.bytes, 2 * (256 + 4 + 1));
  assertEquals([reaches(log, 4990, house, "4998"), reaches(log, 4998, house, "#")], [true, true]);
  assertEquals(reaches(log, 4997, house, "#"), false);
});

Deno.test("forget() drops what a broker sent, and nothing else", () => {
  const log = new MemoryHistory({ epoch: "this", maxBytes: 1_000_000 });
  for (const source of [house, barn, house]) keep(log, source, "x");
  log.deleteSource(house);
  assertEquals([after(log, 0, house), after(log, 0, barn), log.bytes], [[], ["x"], 258]);
});

Deno.test("a message whose payload was left out takes no room for it", () => {
  const log = new MemoryHistory({ epoch: "e", maxBytes: 10_000 });
  keep(log, house, "1");
  const delivery = { topic: "a", payload: new Uint8Array(), omittedBytes: 150_000_000, qos: 0, retain: false } as const;
  const message = receivedMessage(delivery, { position: log.next(), receivedAt: 0 });
  log.append({ message, source: house, subscriptions: undefined });
  assertEquals([message.payloadBytes, after(log, 0, house).length, log.bytes < 600], [150_000_000, 2, true]);
});
