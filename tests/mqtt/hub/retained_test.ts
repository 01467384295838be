import { assert, assertEquals } from "@std/assert";
import type { ReceivedMessage } from "../../../src/mqtt/hub/received_message.ts";
import { OpenDeliveries, RetainedDelivery } from "../../../src/mqtt/hub/retained.ts";

function retained(topic: string, payload = "on"): ReceivedMessage {
  const position = { epoch: "this", offset: 1 };
  return { position, topic, payload, payloadBytes: payload.length, qos: 0, retain: true, receivedAt: 0 };
}

Deno.test("offer() accepts each topic once after the grant, even if the broker repeats it for others", () => {
  const delivery = new RetainedDelivery<string>({ owner: "phone", earlyBytes: { bytes: 0 }, from: 0 });
  assertEquals(delivery.grant(0, true), []);
  assertEquals(["a", "b", "a"].map((topic) => delivery.offer(retained(topic), 0)), [true, true, false]);
});

Deno.test("grant() returns the messages from before it in order, and none of them is accepted again", () => {
  const delivery = new RetainedDelivery<string>({ owner: "phone", earlyBytes: { bytes: 0 }, from: 0 });
  const early = ["b", "a", "b"].map((topic) => retained(topic));
  assertEquals(early.map((message) => delivery.offer(message, 0)), [false, false, false]);
  assertEquals(delivery.grant(0, true), early.slice(0, 2));
  assertEquals(["a", "c"].map((topic) => delivery.offer(retained(topic), 0)), [false, true]);
});

Deno.test("recordLive() supersedes the retained message of a topic, but only after the grant", () => {
  const delivery = new RetainedDelivery<string>({ owner: "phone", earlyBytes: { bytes: 0 }, from: 0 });
  delivery.recordLive("a", 1);
  assertEquals(delivery.offer(retained("a"), 0), false);
  assertEquals(delivery.grant(0, true).length, 1);
  delivery.recordLive("b", 1);
  assertEquals(delivery.offer(retained("b"), 0), false);
});

Deno.test("isSettled() is true five seconds after the grant or the last message, and never before the grant", () => {
  const delivery = new RetainedDelivery<string>({ owner: "phone", earlyBytes: { bytes: 0 }, from: 0 });
  assertEquals(delivery.isSettled(1e9), false);
  delivery.grant(1000, true);
  assertEquals([6000, 6001].map((now) => delivery.isSettled(now)), [false, true]);
  delivery.offer(retained("a"), 6000);
  assertEquals([11_000, 11_001].map((now) => delivery.isSettled(now)), [false, true]);
  assertEquals(delivery.offer(retained("b"), 11_001), false, "a later message is for another request");
});

Deno.test("isOverLimit is true when more than 32 MiB wait for one owner's grants, in all of its deliveries", () => {
  const early = { bytes: 0 };
  const [one, two] = [0, 1].map(() => new RetainedDelivery<string>({ owner: "phone", from: 0, earlyBytes: early }));
  const idle = new RetainedDelivery<string>({ owner: "phone", from: 0, earlyBytes: early });
  const half = "x".repeat(2 ** 24 - 300);
  for (const delivery of [one, two]) delivery?.offer(retained("a", half), 0);
  assertEquals([one?.isOverLimit, two?.isOverLimit], [false, false]);
  one?.offer(retained("c", "x".repeat(400)), 0);
  assertEquals([one?.isOverLimit, two?.isOverLimit, idle.isOverLimit], [true, true, false]);
  one?.discardEarly();
  assertEquals([one?.isOverLimit, two?.isOverLimit, one?.grant(0, true)], [false, false, []]);
  assertEquals(two?.grant(0, true).length, 1);
  assertEquals(early.bytes, 0);
});

Deno.test("window covers the offsets of the retained messages", () => {
  const delivery = new RetainedDelivery<string>({ owner: "phone", earlyBytes: { bytes: 0 }, from: 7 });
  const window = () => ({ from: delivery.window.from, last: delivery.window.last });
  assertEquals(window(), { from: 7, last: 7 });
  delivery.grant(0, true);
  delivery.offer({ ...retained("a"), position: { epoch: "this", offset: 9 } }, 0);
  delivery.offer({ ...retained("a"), position: { epoch: "this", offset: 12 } }, 0);
  assertEquals(window(), { from: 7, last: 9 });
  assertEquals([8, 9].map((offset) => delivery.window.topics?.upTo(offset)), [[], ["a"]]);
});

for (const isEarly of [true, false]) {
  const when = isEarly ? "before" : "after";
  Deno.test(`offer() skips topics that the subscribers have, ${when} the grant, unless they missed messages`, () => {
    for (const isWhole of [true, false]) {
      const delivery = new RetainedDelivery<string>({
        owner: "phone",
        earlyBytes: { bytes: 0 },
        from: 5,
        received: ["a", "b"],
      });
      const messages = ["a", "c", "b"].map((topic) => ({ ...retained(topic), position: { epoch: "this", offset: 9 } }));
      const accepted = (now: number) => messages.filter((message) => delivery.offer(message, now));
      const before = isEarly ? accepted(0) : [];
      const topics = [...before, ...delivery.grant(0, isWhole), ...accepted(1)].map(({ topic }) => topic);
      assertEquals(topics, isWhole ? ["c"] : ["a", "c", "b"]);
      assertEquals(delivery.window.topics?.upTo(5), isWhole ? ["a", "b"] : []);
      assertEquals(delivery.window.topics?.upTo(9).toSorted(), ["a", "b", "c"]);
    }
  });
}

Deno.test("isSettled() waits while the broker sends skipped topics, once for each of them", () => {
  const delivery = new RetainedDelivery<string>({ owner: "phone", earlyBytes: { bytes: 0 }, from: 5, received: ["a"] });
  delivery.grant(0, true);
  delivery.offer(retained("a"), 4000);
  assertEquals(delivery.isSettled(9000), false);
  delivery.offer(retained("a"), 8000);
  assertEquals(delivery.isSettled(9001), true);
});

Deno.test("unoffered() yields each delivery once for a topic, however often the broker sends it", () => {
  const open = new OpenDeliveries<string>();
  const make = (owner: string) => {
    const delivery = new RetainedDelivery<string>({ owner, earlyBytes: { bytes: 0 }, from: 0 });
    open.add(delivery);
    return delivery;
  };
  const offered = (topic: string) => [...open.unoffered(topic)].map(({ owner }) => owner);
  assertEquals(offered("a"), []);
  make("one");
  const two = make("two");
  assertEquals([offered("a"), offered("a")], [["two", "one"], []]);
  make("three");
  open.delete(two);
  // The newest one to which it was offered is gone: an older one may get it again, and ignores it.
  assertEquals([offered("b"), offered("a"), offered("a")], [["three", "one"], ["three", "one"], []]);
  open.clear();
  make("four");
  assertEquals([offered("a"), [...open].length], [["four"], 1]);
});

Deno.test("unoffered() forgets topics that the broker has no more, also while there is always some delivery", () => {
  const open = new OpenDeliveries<string>();
  const make = () => {
    const delivery = new RetainedDelivery<string>({ owner: "phone", earlyBytes: { bytes: 0 }, from: 0 });
    open.add(delivery);
    return delivery;
  };
  let last = make();
  for (let round = 0; round < 1000; round++) {
    const next = make();
    assertEquals([...open.unoffered(`topic ${round}`)].length, 2);
    open.delete(last);
    last = next;
  }
  assert(open.offeredTopics <= 2, `${open.offeredTopics} topics`);
});
