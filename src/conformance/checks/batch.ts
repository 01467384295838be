/**
 * Batches: messages that waited together, in one event.
 *
 * @module
 */
import { isObject } from "../../lib/json.ts";
import type { Fields } from "../answer.ts";
import { BOTH, type Subject } from "../check.ts";
import type { Received } from "../event_reader.ts";
import { expect, expectEqual } from "../mismatch.ts";
import type { Probe } from "../probe.ts";
import type { Stream } from "../stream.ts";

/** Most bytes of the plaintext of a batch. */
const MAX_BATCH_BYTES = 64 * 1024;

const TAG_BYTES = 16;

/** Messages to publish at once, larger than one batch together. */
const BURST: readonly string[] = Array.from({ length: 13 }, (_, index) => `${index} ${"x".repeat(6000)}`);

const END = "end";

/** Checks of `batch`. */
export const BATCH: Subject = {
  name: "Batches",
  checks: [
    {
      name: "with batch, every message comes once and in order",
      rule:
        "As events `message` or `messages`, at most 64 KiB each, the messages and positions are those without `batch`",
      versions: [2],
      needs: "broker",
      async run(probe) {
        const subscription = { topic: probe.freshTopic(), qos: 1 };
        await using single = await probe.subscribe(subscription);
        await using batched = await probe.subscribe({ ...subscription, batch: true });
        await publishBurst(probe, subscription.topic);
        const expected = await single.messagesBefore(END);
        expectEqual("payloads", {
          seen: expected.map(({ payload }) => payload).toSorted(),
          expected: BURST.toSorted(),
        });
        // What was missed waits together.
        await using resumed = await probe.subscribe({ ...subscription, batch: true, since: positionOf(single) });
        for (const [what, stream] of [["messages", batched], ["messages after since", resumed]] as const) {
          const seen = await readMessagesBeforeEnd(stream);
          expectEqual(what, { seen: seen.map(identityOf), expected: expected.map(identityOf) });
        }
      },
    },
    {
      name: "no batches where none may come",
      rule: "Without `batch`, and in version 1, each message is an event `message`",
      versions: BOTH,
      needs: "broker",
      async run(probe) {
        const subscription = { topic: probe.freshTopic(), qos: 1, batch: probe.version === 1 };
        await using live = await probe.subscribe(subscription);
        await publishBurst(probe, subscription.topic);
        await using resumed = await probe.subscribe({ ...subscription, since: positionOf(live) });
        for (const stream of [live, resumed]) {
          const seen = (await stream.messagesBefore(END)).map(({ payload }) => payload).toSorted();
          expectEqual("payloads", { seen, expected: BURST.toSorted() });
        }
      },
    },
  ],
};

async function publishBurst(probe: Probe, topic: string): Promise<void> {
  await Promise.all(BURST.map((message) => probe.ask("/mqtt/publish", { topic, message, qos: 1 })));
  await probe.ask("/mqtt/publish", { topic, message: END, qos: 1 });
}

function positionOf({ first: { event } }: Stream): Fields {
  expectEqual("first event", { seen: event["type"], expected: "connected" });
  return { epoch: event["epoch"], offset: event["offset"] };
}

/** Reads messages, in batches or not, up to the last one, which is left out. */
async function readMessagesBeforeEnd(stream: Stream): Promise<Fields[]> {
  const messages: Fields[] = [];
  for (;;) {
    messages.push(...messagesOf(await stream.next(`message "${END}"`)));
    const end = messages.findIndex(({ payload }) => payload === END);
    if (end !== -1) return messages.filter((_, index) => index !== end);
  }
}

function messagesOf({ event, record: { data = "" } }: Received): readonly Fields[] {
  if (event["type"] !== "messages") {
    expectEqual("type of event", { seen: event["type"], expected: "message" });
    return [event];
  }
  const { messages } = event;
  expect(Array.isArray(messages) && messages.length > 0, "messages is not a list with something in it");
  const bytes = Math.floor(data.length * 3 / 4) - TAG_BYTES;
  expect(bytes <= MAX_BATCH_BYTES, `Batch has ${bytes} bytes, more than 64 KiB`);
  expect(messages.every(isMessage), "messages has something else than objects without a type");
  return messages;
}

function isMessage(value: unknown): value is Fields {
  return isObject(value) && !("type" in value);
}

/** Returns all that a message consists of, whatever the order of its members. */
function identityOf({ offset, epoch, topic, payload, qos, retain, timestamp }: Fields): readonly unknown[] {
  return [offset, epoch, topic, payload, qos, retain, timestamp];
}
