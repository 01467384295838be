import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { BrokerMessage } from "../../../src/mqtt/broker.ts";
import { RedeliveredMessages } from "../../../src/mqtt/replicas/redelivered_messages.ts";

const utf8 = new TextEncoder();

function message(packetId: number, payload: string, more: Partial<BrokerMessage> = {}): BrokerMessage {
  return { topic: "a", payload: utf8.encode(payload), qos: 1, retain: false, packetId, ...more };
}

const again = (packetId: number, payload: string, more: Partial<BrokerMessage> = {}) =>
  message(packetId, payload, { isDuplicate: true, ...more });

Deno.test("take() recognizes a message that is sent again, once", () => {
  const messages = new RedeliveredMessages([message(1, "x"), message(2, "y")]);
  assertEquals([again(1, "x"), again(1, "x"), again(2, "y")].map((one) => messages.take(one)), [true, false, true]);
});

Deno.test("take() recognizes no message that differs in anything, or is not sent again", () => {
  const take = (delivery: BrokerMessage) => new RedeliveredMessages([message(1, "x")]).take(delivery);
  assertEquals(take(again(1, "x")), true);
  assertEquals(take(again(2, "x")), false);
  assertEquals(take(again(1, "y")), false);
  assertEquals(take(again(1, "x", { topic: "b" })), false);
  assertEquals(take(again(1, "", { omittedBytes: 1 })), false);
  assertEquals(take(message(1, "x")), false);
  assertEquals(take({ ...again(0, "x"), packetId: undefined }), false);
});

Deno.test("take() recognizes no message whose packet identifier the broker has used again", () => {
  const inLog = new RedeliveredMessages([message(2, "x"), message(1, "y"), message(1, "z")]);
  assertEquals([again(2, "x"), again(1, "y")].map((one) => inLog.take(one)), [false, false]);
  const sinceThen = new RedeliveredMessages([message(1, "x")]);
  assertEquals([message(1, "y"), again(1, "x")].map((one) => sinceThen.take(one)), [false, false]);
});

Deno.test("take() recognizes omitted payloads by their length", () => {
  const messages = new RedeliveredMessages([message(1, "", { omittedBytes: 9 })]);
  assertEquals(messages.take(again(1, "", { omittedBytes: 9 })), true);
});

/** Step of a run: messages are published, received and appended, some acknowledgements arrive, the connection is lost. */
interface Step {
  readonly published: readonly string[];
  readonly received: number;
  readonly acknowledged: number;
}

const WINDOW = 8;

/** Runs a broker and writers one after the other, and returns what was published, and what is in the log. */
function run(steps: readonly Step[], nextId: (inFlight: ReadonlyMap<number, string>) => number) {
  const inFlight = new Map<number, string>();
  const sent = new Set<number>();
  const queue: string[] = [];
  const published: string[] = [];
  const log: BrokerMessage[] = [];
  for (const step of [...steps, { published: [], received: Infinity, acknowledged: Infinity }]) {
    published.push(...step.published);
    queue.push(...step.published);
    const redelivered = new RedeliveredMessages(log.slice(-WINDOW));
    const received: number[] = [];
    const acknowledge = (count: number) => {
      for (const id of received.splice(0, count)) {
        inFlight.delete(id);
        sent.delete(id);
      }
    };
    const receive = (id: number) => {
      const delivery = message(id, inFlight.get(id) ?? "", { isDuplicate: sent.has(id) });
      sent.add(id);
      if (!redelivered.take(delivery)) log.push(delivery);
      received.push(id);
    };
    let left = step.received;
    for (const id of [...inFlight.keys()]) if (left-- > 0) receive(id);
    while (left-- > 0 && queue.length > 0) {
      if (inFlight.size >= WINDOW) acknowledge(1);
      const id = nextId(inFlight);
      inFlight.set(id, queue.shift() ?? "");
      receive(id);
    }
    // Sent to a connection that is lost already, and never received.
    while (queue.length > 0 && inFlight.size < WINDOW) {
      const id = nextId(inFlight);
      inFlight.set(id, queue.shift() ?? "");
      sent.add(id);
    }
    acknowledge(step.acknowledged);
  }
  return { published, appended: log.map(({ payload }) => new TextDecoder().decode(payload)) };
}

function steps(payload: fc.Arbitrary<string>): fc.Arbitrary<Step[]> {
  return fc.array(
    fc.record({
      published: fc.array(payload, { maxLength: 12 }),
      received: fc.nat(20),
      acknowledged: fc.nat(20),
    }),
    { maxLength: 12 },
  );
}

Deno.test("nothing is lost or twice at any moments of a crash, with packet identifiers that increment", () => {
  fc.assert(fc.property(steps(fc.constantFrom("on", "off")), (steps) => {
    let last = 0;
    const { published, appended } = run(steps, () => last = last % 100 + 1);
    assertEquals(appended, published);
  }));
});

Deno.test("nothing is lost or twice at any moments of a crash, with the lowest free packet identifiers", () => {
  fc.assert(fc.property(steps(fc.uuid()), (steps) => {
    const { published, appended } = run(steps, (inFlight) => {
      let id = 1;
      while (inFlight.has(id)) id += 1;
      return id;
    });
    assertEquals(appended, published);
  }));
});
