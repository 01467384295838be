import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { bytesOf, type Message, payloadBytes } from "../../../src/console/screens/live/model/message.ts";
import { LIMITS, TopicStore } from "../../../src/console/screens/live/model/topic_store.ts";
import type { Topic } from "../../../src/console/screens/live/model/topic.ts";
import { MAX_LEVELS } from "../../../src/console/screens/live/model/topic_tree.ts";
import { PointBudget } from "../../../src/console/screens/live/model/topic_series.ts";
import { Rate } from "../../../src/console/screens/live/model/rate.ts";

function message(topic: string, payload: string | null = "1", more: Partial<Message> = {}): Message {
  return { service: "mqtt", topic, payload, qos: 0, isRetained: false, at: 1000, ...more };
}

function topicOf(store: TopicStore, name: string): Topic {
  for (const topic of store.topics) if (topic.name === name) return topic;
  throw new Error(`No topic ${name}`);
}

Deno.test("TopicStore counts the messages of topics that it has no room for, and keeps the others", () => {
  const store = new TopicStore({ ...LIMITS, topics: 2 });
  assertEquals(["a", "b", "c", "a", "c"].map((topic) => store.add(message(topic))), [true, true, false, false, false]);
  assertEquals([store.size, store.left], [2, 2]);
  assertEquals([...store.messages].map(({ topic }) => topic), ["a", "b", "a"]);
});

Deno.test("TopicStore takes no topic beyond its characters and its nodes", () => {
  const store = new TopicStore({ ...LIMITS, topicCharacters: 10, nodes: 4 });
  store.add(message("x".repeat(11)));
  assertEquals(store.size, 0);
  store.add(message("a/b/c/d"));
  store.add(message("e"));
  assertEquals([store.size, store.left], [1, 2]);
});

Deno.test("TopicStore stays within its messages and bytes whatever comes, and the counts of both are right", () => {
  const limits = { ...LIMITS, topicMessages: 5, messages: 40, bytes: 20_000 };
  const step = fc.record({ topic: fc.constantFrom("a", "a/b", "", "/", "__proto__"), length: fc.nat(3000) });
  fc.assert(fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
    const store = new TopicStore(limits);
    for (const { topic, length } of steps) {
      store.add(message(topic, "x".repeat(length)));
      const kept = [...store.messages];
      assert(kept.length <= limits.messages && store.bytes <= limits.bytes);
      assertEquals(store.bytes, kept.reduce((sum, one) => sum + bytesOf(one), 0));
      for (const one of store.topics) {
        assert(one.messages.length <= limits.topicMessages);
        assertEquals(one.messages, kept.filter(({ topic }) => topic === one.name));
      }
    }
  }));
});

Deno.test("TopicStore shows the newest value also when its message is no longer kept, without keeping the payload", () => {
  const store = new TopicStore({ ...LIMITS, bytes: 1000 });
  store.add(message("a", "y".repeat(5000)));
  assertEquals([topicOf(store, "a").messages, store.bytes], [[], 0]);
  assertEquals(topicOf(store, "a").preview, `${"y".repeat(120)}…`);
});

Deno.test("TopicStore joins the levels below the deepest one, and takes empty ones and names of JavaScript", () => {
  const store = new TopicStore();
  store.add(message("/".repeat(99)));
  store.add(message("__proto__/constructor"));
  assert(store.tree.nodes <= MAX_LEVELS + 2);
  assertEquals(store.tree.root.children.map(({ name, topics }) => [name, topics]), [["", 1], ["__proto__", 1]]);
  assertEquals(topicOf(store, "__proto__/constructor").preview, "1");
});

Deno.test("TopicStore keeps entities of Home Assistant apart, with their state and unit", () => {
  const store = new TopicStore();
  const state = { state: "21.5", attributes: { "unit_of_measurement": "°C" } };
  store.add(message("sensor.hall", JSON.stringify(state), { service: "home_assistant" }));
  store.add(message("sensor.hall", "of MQTT"));
  const [entity, topic] = store.topics;
  assertEquals([entity?.preview, entity?.unit, topic?.preview], ["21.5", "°C", "of MQTT"]);
  assertEquals(entity?.watched.map(({ path, series }) => [path, [...series.values]]), [[["state"], [21.5]]]);
});

Deno.test("TopicStore begins the course of a whole value with its first number, and of a member when it is watched", () => {
  const store = new TopicStore();
  for (const payload of ["unavailable", "20", "21"]) store.add(message("a", payload));
  assertEquals([...topicOf(store, "a").watched[0]?.series.values ?? []], [20, 21]);
  for (const value of [1, 2]) store.add(message("b", JSON.stringify({ value })));
  const topic = topicOf(store, "b");
  assertEquals(topic.watched, []);
  const { series } = store.watch(topic, ["value"]);
  store.add(message("b", '{"value":3}'));
  assertEquals([...series.values], [1, 2, 3]);
  assertStrictEquals(store.watch(topic, ["value"]).series, series);
});

Deno.test("TopicStore watches a bounded number of values of one topic", () => {
  const store = new TopicStore();
  store.add(message("a", "{}"));
  const topic = topicOf(store, "a");
  for (let index = 0; index < 20; index++) store.watch(topic, [String(index)]);
  assertEquals(topic.watched.map(({ path }) => path[0]), ["0", "17", "18", "19"]);
});

Deno.test("TopicStore gives a chart all its points, also when many topics used up the others, and takes them back", () => {
  const store = new TopicStore({ ...LIMITS, shown: 2 }, new PointBudget(64));
  const topics = Array.from({ length: 4 }, (_, index) => `t${index}`);
  const send = (count: number) => {
    for (let index = 0; index < count; index++) for (const name of topics) store.add(message(name, String(index)));
  };
  const length = (name: string) => topicOf(store, name).watched[0]?.series.length;
  send(100);
  assertEquals(topics.map(length), [32, 32, 0, 0]);
  // Begins with the messages that are kept, as it had no points.
  assertEquals(store.watch(topicOf(store, "t3"), []).series.length, 100);
  send(900);
  assertEquals(topics.map(length), [32, 32, 0, 1000]);
  for (const name of ["t0", "t1"]) store.watch(topicOf(store, name), []);
  send(100);
  assertEquals(topics.map(length), [132, 132, 32, 32]);
});

Deno.test("TopicStore tells each topic once between two frames", () => {
  const store = new TopicStore();
  for (const topic of ["a", "b", "a"]) store.add(message(topic));
  assertEquals([...store.takeDirty()].map(({ name }) => name), ["a", "b"]);
  assertEquals(store.takeDirty().size, 0);
});

Deno.test("payloadBytes() is the number of bytes that base64 stands for", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
    const base64 = new Uint8Array(bytes).toBase64();
    assertEquals(payloadBytes({ payload: null, base64 }), bytes.length);
  }));
});

Deno.test("Rate approaches the messages per second, and fades away without any", () => {
  const rate = new Rate();
  for (let now = 0; now < 60_000; now += 200) rate.count(now);
  assert(Math.abs(rate.perSecond(60_000) - 5) < 0.2, String(rate.perSecond(60_000)));
  assertEquals(rate.perSecond(200_000), 0);
});

Deno.test("TopicStore takes a retained message once, however often a stream begins with it", () => {
  const store = new TopicStore();
  for (const isRetained of [false, true, true]) store.add(message("home/door", "open", { isRetained }));
  assertEquals([...store.topics].map(({ count }) => count), [1]);
  store.add(message("home/door", "closed", { isRetained: true }));
  store.add(message("home/door", "closed"));
  assertEquals([...store.topics].map(({ count }) => count), [3]);
});
