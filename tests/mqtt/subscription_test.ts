import { assertEquals, assertThrows } from "@std/assert";
import { BrokerError } from "../../src/mqtt/broker.ts";
import { Subscriptions } from "../../src/mqtt/subscription.ts";

const filtersOf = (subscriptions: Iterable<{ readonly filter: string }>) => [...subscriptions].map((one) => one.filter);

Deno.test("enlist() makes one subscription for each filter, however many want it", () => {
  const subscriptions = new Subscriptions<string>();
  const [first] = subscriptions.enlist("one", ["a/+"]);
  const [, second] = subscriptions.enlist("other", ["b", "a/+"]);
  assertEquals(first, second);
  assertEquals([...first?.members ?? []], ["one", "other"]);
  assertEquals(subscriptions.size, 2);
});

Deno.test("match() finds the subscriptions that a topic matches, the oldest first", () => {
  const subscriptions = new Subscriptions<string>();
  subscriptions.enlist("one", ["z/#", "b", "#", "z/a"]);
  subscriptions.enlist("other", ["+/a", "z/#"]);
  assertEquals(filtersOf(subscriptions.match("z/a")), ["z/#", "#", "z/a", "+/a"]);
});

Deno.test("a filter that was deleted gets a number that nobody had before", () => {
  const subscriptions = new Subscriptions<string>();
  const [old] = subscriptions.enlist("one", ["a"]);
  if (old !== undefined) subscriptions.delete(old);
  assertEquals(subscriptions.match("a"), []);
  const [made] = subscriptions.enlist("one", ["a"]);
  assertEquals([old?.id, made?.id], [1, 2]);
  // Whoever still holds the old one must not delete the new one with it.
  if (old !== undefined) subscriptions.delete(old);
  assertEquals(filtersOf(subscriptions.match("a")), ["a"]);
});

Deno.test("enlist() takes back a subscription that nobody listened to", () => {
  const subscriptions = new Subscriptions<string>();
  const [subscription] = subscriptions.enlist("one", ["a"]);
  subscription?.members.clear();
  if (subscription !== undefined) subscription.emptySince = 5;
  assertEquals(filtersOf(subscriptions.unused()), ["a"]);
  subscriptions.enlist("other", ["a"]);
  assertEquals([filtersOf(subscriptions.unused()), subscription?.emptySince], [[], undefined]);
});

Deno.test("makeRoom() deletes the oldest of those that nobody listens to, and only as many as needed", () => {
  const subscriptions = new Subscriptions<string>();
  subscriptions.enlist("busy", Array.from({ length: 9_996 }, (_, index) => `busy/${index}`));
  for (const subscription of subscriptions.enlist("gone", ["a", "b", "c", "d"])) subscription.members.clear();
  assertEquals(filtersOf(subscriptions.makeRoom(["a", "busy/1"])), [], "they are there already");
  assertEquals(filtersOf(subscriptions.makeRoom(["a", "e", "f"])), ["b", "c"], "what is wanted is not deleted");
  subscriptions.enlist("new", ["a", "e", "f"]);
  assertThrows(() => subscriptions.makeRoom(["g", "h"]), BrokerError, "Too many topic filters");
  assertEquals(subscriptions.size, 10_000);
  assertEquals(filtersOf(subscriptions.makeRoom(["g"])), ["d"]);
});
