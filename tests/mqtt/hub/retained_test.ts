import { assertEquals } from "@std/assert";
import type { ReceivedMessage } from "../../../src/mqtt/hub/received_message.ts";
import { RetainedDelivery } from "../../../src/mqtt/hub/retained.ts";

function retained(topic: string, payload = "on"): ReceivedMessage {
  const position = { epoch: "this", offset: 1 };
  return { position, topic, payload, payloadBytes: payload.length, qos: 0, retain: true, receivedAt: 0 };
}

Deno.test("take() is for each topic once after the grant, whatever is sent again for others", () => {
  const delivery = new RetainedDelivery<string>({ owner: "phone", earlyBytes: { bytes: 0 }, from: 0 });
  assertEquals(delivery.grant(0, true), []);
  assertEquals(["a", "b", "a"].map((topic) => delivery.offer(retained(topic), 0)), [true, true, false]);
});

Deno.test("grant() gives what came ahead of it, in order, and nothing of that comes again", () => {
  const delivery = new RetainedDelivery<string>({ owner: "phone", earlyBytes: { bytes: 0 }, from: 0 });
  const early = ["b", "a", "b"].map((topic) => retained(topic));
  assertEquals(early.map((message) => delivery.offer(message, 0)), [false, false, false]);
  assertEquals(delivery.grant(0, true), early.slice(0, 2));
  assertEquals(["a", "c"].map((topic) => delivery.offer(retained(topic), 0)), [false, true]);
});

Deno.test("pass() makes what is retained old news, but only once live messages go to the members", () => {
  const delivery = new RetainedDelivery<string>({ owner: "phone", earlyBytes: { bytes: 0 }, from: 0 });
  delivery.recordLive("a", 1);
  assertEquals(delivery.offer(retained("a"), 0), false);
  assertEquals(delivery.grant(0, true).length, 1);
  delivery.recordLive("b", 1);
  assertEquals(delivery.offer(retained("b"), 0), false);
});

Deno.test("isSettled() holds five seconds after the grant or the last message, and never before the grant", () => {
  const delivery = new RetainedDelivery<string>({ owner: "phone", earlyBytes: { bytes: 0 }, from: 0 });
  assertEquals(delivery.isSettled(1e9), false);
  delivery.grant(1000, true);
  assertEquals([6000, 6001].map((now) => delivery.isSettled(now)), [false, true]);
  delivery.offer(retained("a"), 6000);
  assertEquals([11_000, 11_001].map((now) => delivery.isSettled(now)), [false, true]);
  assertEquals(delivery.offer(retained("b"), 11_001), false, "whatever comes now is for somebody else");
});

Deno.test("isFlooded() holds when more than 32 MiB came ahead of one owner's grants, in all of its snapshots", () => {
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

Deno.test("window() tells where in the order of messages they came", () => {
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
  const when = isEarly ? "ahead of" : "after";
  Deno.test(`take() skips what the members have that comes ${when} the grant, unless they missed something`, () => {
    for (const isWhole of [true, false]) {
      const delivery = new RetainedDelivery<string>({
        owner: "phone",
        earlyBytes: { bytes: 0 },
        from: 5,
        received: ["a", "b"],
      });
      const messages = ["a", "c", "b"].map((topic) => ({ ...retained(topic), position: { epoch: "this", offset: 9 } }));
      const taken = (now: number) => messages.filter((message) => delivery.offer(message, now));
      const before = isEarly ? taken(0) : [];
      const heard = [...before, ...delivery.grant(0, isWhole), ...taken(1)].map(({ topic }) => topic);
      assertEquals(heard, isWhole ? ["c"] : ["a", "c", "b"]);
      assertEquals(delivery.window.topics?.upTo(5), isWhole ? ["a", "b"] : []);
      assertEquals(delivery.window.topics?.upTo(9).toSorted(), ["a", "b", "c"]);
    }
  });
}

Deno.test("isSettled() waits while the broker sends what the members have, once for each topic", () => {
  const delivery = new RetainedDelivery<string>({ owner: "phone", earlyBytes: { bytes: 0 }, from: 5, received: ["a"] });
  delivery.grant(0, true);
  delivery.offer(retained("a"), 4000);
  assertEquals(delivery.isSettled(9000), false);
  delivery.offer(retained("a"), 8000);
  assertEquals(delivery.isSettled(9001), true);
});
