import { assertEquals } from "@std/assert";
import { MessageLog } from "../../src/mqtt/message_log.ts";
import { type ReceivedMessage, receivedMessage } from "../../src/mqtt/received_message.ts";

const house = {};
const barn = {};

/** Keeps a message on the topic "a", with a payload of one byte: 258 bytes with all that belongs to it. */
function keep(log: MessageLog, source: object, payload: string): void {
  const message: ReceivedMessage = {
    position: log.next(),
    topic: "a",
    payload,
    payloadBytes: payload.length,
    qos: 0,
    retain: false,
    receivedAt: 0,
  };
  log.keep({ message, source, subscriptions: undefined });
}

const after = (log: MessageLog, offset: number, source: object) =>
  [...log.after(offset, source)].map(({ message }) => message.payload);

Deno.test("next() gives out positions that grow, and knows() them and no others", () => {
  const log = new MessageLog({ epoch: "this", maxBytes: 1000 });
  assertEquals(log.position, { epoch: "this", offset: 0 });
  assertEquals([log.next(), log.next()], [{ epoch: "this", offset: 1 }, { epoch: "this", offset: 2 }]);
  assertEquals([0, 2, 3].map((offset) => log.knows({ epoch: "this", offset })), [true, true, false]);
  assertEquals(log.knows({ epoch: "other", offset: 1 }), false);
});

Deno.test("after() yields what came later from the same broker", () => {
  const log = new MessageLog({ epoch: "this", maxBytes: 10_000 });
  for (const [source, payload] of [[house, "1"], [barn, "2"], [house, "3"]] as const) keep(log, source, payload);
  assertEquals([after(log, 0, house), after(log, 1, house), after(log, 0, barn)], [["1", "3"], ["3"], ["2"]]);
});

Deno.test("reaches() tells whether all that came later is still there, from any broker", () => {
  const log = new MessageLog({ epoch: "this", maxBytes: 2 * 258 });
  keep(log, house, "1");
  log.next();
  keep(log, barn, "2");
  assertEquals([log.reaches(0), log.bytes], [true, 2 * 258]);
  keep(log, barn, "3");
  assertEquals([0, 1, 2].map((offset) => log.reaches(offset)), [false, true, true]);
  assertEquals([after(log, 0, house), after(log, 0, barn)], [[], ["2", "3"]]);
});

Deno.test("a log without room keeps nothing, and says so", () => {
  const log = new MessageLog({ epoch: "this", maxBytes: 0 });
  assertEquals(log.reaches(0), true);
  keep(log, house, "1");
  assertEquals([log.reaches(0), log.reaches(1), after(log, 0, house)], [false, true, []]);
});

Deno.test("a message whose payload was left out takes no room for it", () => {
  const log = new MessageLog({ epoch: "e", maxBytes: 10_000 });
  keep(log, house, "1");
  const delivery = { topic: "a", payload: new Uint8Array(), omittedBytes: 150_000_000, qos: 0, retain: false } as const;
  const message = receivedMessage(delivery, { position: log.next(), receivedAt: 0 });
  log.keep({ message, source: house, subscriptions: undefined });
  assertEquals([message.payloadBytes, after(log, 0, house).length, log.bytes < 600], [150_000_000, 2, true]);
});
