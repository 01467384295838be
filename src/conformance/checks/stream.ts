/**
 * Subscriptions: their events, the order of events, and refusals.
 *
 * @module
 */
import { type Fields, skipUnlessGranted } from "../answer.ts";
import { BOTH, type Check, type Subject } from "../check.ts";
import { expect, expectEqual } from "../mismatch.ts";
import type { Probe } from "../probe.ts";
import type { Stream } from "../stream.ts";

/** The protocol requires a heartbeat after 15 s; the rest is for the network. */
const HEARTBEAT_MS = 17_000;

const COUNT = 20;

const INVALID_REQUESTS: readonly (readonly [string, string, Fields])[] = [
  ["no topic", "topic", {}],
  ["an empty topic", "topic", { topic: "" }],
  ["# within a filter", "topic", { topic: "a/#/b" }],
  ["a filter of the broker's own", "topic", { topic: "$share/group/topic" }],
  ["topics is not a list", "topics", { topics: "a" }],
  ["a wrong quality of service", "qos", { topic: "a", qos: 3 }],
  ["a wrong position", "since", { topic: "a", since: { epoch: 1, offset: "2" } }],
  ["a wrong keep", "keep", { topic: "a", keep: "yes" }],
];

/** Checks of `POST /mqtt/subscribe`. */
export const STREAM: Subject = {
  name: "Stream",
  checks: [
    {
      name: "headers",
      rule: "`text/event-stream`; `no-cache, no-transform`; `X-Accel-Buffering: no`",
      versions: BOTH,
      async run(probe) {
        await using stream = await probe.subscribe({ topic: probe.freshTopic() });
        const seen = ["Content-Type", "Cache-Control", "X-Accel-Buffering"].map((name) => stream.headers.get(name));
        expectEqual("headers", { seen, expected: ["text/event-stream", "no-cache, no-transform", "no"] });
      },
    },
    {
      name: "connected comes first",
      rule: "`connected` has `topic` (the first filter), `topics` (all), `message`, `epoch`, `offset`",
      versions: BOTH,
      needs: "broker",
      async run(probe) {
        const [topic, other] = [probe.freshTopic(), `${probe.freshTopic()}/+`];
        await using stream = await probe.subscribe({ topic, topics: [other, topic], keep: true });
        const { event } = stream.first;
        expectConnected(stream);
        expectEqual("topic and topics", { seen: [event["topic"], event["topics"]], expected: [topic, [topic, other]] });
        expectEqual("types of message, epoch and offset", {
          seen: [typeof event["message"], typeof event["epoch"], Number.isInteger(event["offset"])],
          expected: ["string", "string", true],
        });
      },
    },
    {
      name: "messages come complete and in order",
      rule: "Messages come in the broker's order, with growing offsets; `retain` is false for new messages",
      versions: BOTH,
      needs: "broker",
      run: async (probe) => await expectOrder(probe),
    },
    {
      name: "filters bring what they match, once",
      rule: "`+` stands for one level, `#` for the rest; a message that matches several filters comes once",
      versions: BOTH,
      needs: "broker",
      async run(probe) {
        const base = probe.freshTopic();
        await using stream = await probe.subscribe({ topics: [`${base}/+/a`, `${base}/x/#`, `${base}/end`], qos: 1 });
        for (const path of ["x/a", "x/b/c", "y/a", "y/b", "x", "a", "y/a/z"]) {
          await probe.ask("/mqtt/publish", { topic: `${base}/${path}`, message: path, qos: 1 });
        }
        await probe.ask("/mqtt/publish", { topic: `${base}/end`, message: "end", qos: 1 });
        const seen = (await stream.messagesBefore("end")).map(({ payload }) => payload);
        expectEqual("messages", { seen, expected: ["x/a", "x/b/c", "y/a", "x"] });
      },
    },
    {
      name: "retained messages are marked",
      rule: "`retain` is true for retained messages; they come after `connected`, each topic once",
      versions: BOTH,
      needs: "broker",
      async run(probe) {
        const topic = probe.freshTopic();
        try {
          await probe.ask("/mqtt/publish", { topic, message: "kept", qos: 1, retain: true });
          await using stream = await probe.subscribe({ topic, qos: 1 });
          expectConnected(stream);
          // It may still be in transit when another message is published.
          const { event } = await stream.next("retained message");
          expectEqual("payload and retain", { seen: [event["payload"], event["retain"]], expected: ["kept", true] });
          await probe.ask("/mqtt/publish", { topic, message: "end", qos: 1 });
          expectEqual("further messages", { seen: await stream.messagesBefore("end"), expected: [] });
        } finally {
          await probe.ask("/mqtt/publish", { topic, message: null, qos: 1, retain: true });
        }
      },
    },
    ...INVALID_REQUESTS.map(([name, field, fields]): Check => ({
      name: `refused: ${name}`,
      rule: "One `error` event whose message names the field, and the end",
      versions: BOTH,
      async run(probe) {
        await using stream = await probe.subscribe(fields);
        const { type, message, timestamp } = stream.first.event;
        skipUnlessGranted(message);
        expectEqual("type and timestamp", { seen: [type, typeof timestamp], expected: ["error", "number"] });
        expect(String(message).includes(field), `Message does not name ${field}: ${message}`);
        await stream.ended();
      },
    })),
    {
      name: "numbers without gaps",
      rule: "`event: open` first, then `id: n` with n = 0, 1, 2 …; pings count, too",
      versions: [2],
      needs: "broker",
      async run(probe) {
        const topic = probe.freshTopic();
        await using stream = await probe.subscribe({ topic });
        expectEqual("first id", { seen: stream.first.record.id, expected: "0" });
        // Opening an event needs its number: one out of order does not open.
        for (let n = 0; n < 5; n++) {
          await probe.ask("/mqtt/publish", { topic, message: String(n) });
          expectEqual("payload", { seen: (await stream.next()).event["payload"], expected: String(n) });
        }
      },
    },
    {
      name: "a key of its own for each stream",
      rule: "The stream's salt is random, so that the same event is sealed differently for each listener",
      versions: [2],
      needs: "broker",
      async run(probe) {
        const topic = probe.freshTopic();
        await using one = await probe.subscribe({ topic });
        await using other = await probe.subscribe({ topic });
        expect(one.opening !== other.opening, `Two streams have the salt ${one.opening}`);
        await probe.ask("/mqtt/publish", { topic, message: "same" });
        const [left, right] = [await one.next(), await other.next()];
        expectEqual("the same event", { seen: right.event, expected: left.event });
        expect(left.record.data !== right.record.data, "The same event is the same ciphertext in two streams");
      },
    },
    {
      name: "a heartbeat within 15 s",
      rule: "A comment (version 1) or a sealed `ping` (version 2) after at most 15 s of silence",
      versions: BOTH,
      needs: "broker",
      isSlow: true,
      async run(probe) {
        await using stream = await probe.subscribe({ topic: probe.freshTopic() });
        expectConnected(stream);
        for (let count = 0; count < 2; count++) await stream.heartbeat(HEARTBEAT_MS);
      },
    },
  ],
};

async function expectOrder(probe: Probe): Promise<void> {
  const topic = probe.freshTopic();
  await using stream = await probe.subscribe({ topic, qos: 1 });
  expectConnected(stream);
  const payloads = Array.from({ length: COUNT }, (_, index) => `${index} é€😀`);
  for (const message of [...payloads, "end"]) await probe.ask("/mqtt/publish", { topic, message, qos: 1 });
  const messages = await stream.messagesBefore("end");
  expectEqual("payloads", { seen: messages.map(({ payload }) => payload), expected: payloads });
  let last = -1;
  for (const { topic: from, qos, retain, timestamp, epoch, offset } of messages) {
    expectEqual("topic, qos and retain", { seen: [from, qos, retain], expected: [topic, 1, false] });
    expectEqual("types of timestamp and epoch", {
      seen: [Number.isInteger(timestamp), typeof epoch],
      expected: [true, "string"],
    });
    expect(typeof offset === "number" && offset > last, `offset ${JSON.stringify(offset)} follows ${last}`);
    last = offset;
  }
}

function expectConnected({ first: { event } }: Stream): void {
  expectEqual("first event", { seen: event["type"], expected: "connected" });
}
