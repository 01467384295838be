import { assertEquals, assertThrows } from "@std/assert";
import { BrokerError } from "../../src/mqtt/broker.ts";
import { addWindow, isAmidRetained, Subscriptions } from "../../src/mqtt/subscription.ts";

const filtersOf = (subscriptions: Iterable<{ readonly filter: string }>) => [...subscriptions].map((one) => one.filter);

Deno.test("enlist() makes one subscription for each filter, however many want it", () => {
  const subscriptions = new Subscriptions<string>();
  const [first] = subscriptions.enlist("one", ["a/+"]);
  const [second] = subscriptions.enlist("other", ["b", "a/+"]);
  assertEquals(first, second);
  assertEquals([...first?.members ?? []], ["one", "other"]);
  assertEquals(subscriptions.size, 2);
});

Deno.test("meantBy() finds the subscriptions of a delivery by its topic or by its ids, the oldest first", () => {
  const subscriptions = new Subscriptions<string>();
  subscriptions.enlist("one", ["z/#", "b", "#", "z/a"]);
  subscriptions.enlist("other", ["+/a", "z/#"]);
  assertEquals(filtersOf(subscriptions.meantBy({ topic: "z/a" })), ["z/#", "#", "z/a", "+/a"]);
  assertEquals(filtersOf(subscriptions.meantBy({ topic: "z/a", subscriptions: [5, 3, 99] })), ["#", "+/a"]);
});

Deno.test("a filter that was deleted gets a number that nobody had before", () => {
  const subscriptions = new Subscriptions<string>();
  const [old] = subscriptions.enlist("one", ["a"]);
  if (old !== undefined) subscriptions.delete(old);
  assertEquals(subscriptions.meantBy({ topic: "a" }), []);
  const [made] = subscriptions.enlist("one", ["a"]);
  assertEquals([old?.id, made?.id], [1, 2]);
  // Whoever still holds the old one must not delete the new one with it.
  if (old !== undefined) subscriptions.delete(old);
  assertEquals(filtersOf(subscriptions.meantBy({ topic: "a" })), ["a"]);
});

Deno.test("enlist() takes back a subscription that nobody listened to", () => {
  const subscriptions = new Subscriptions<string>();
  const [subscription] = subscriptions.enlist("one", ["a"]);
  subscription?.members.clear();
  if (subscription !== undefined) subscriptions.abandon(subscription, { owner: "phone", now: 5 });
  assertEquals(filtersOf(subscriptions.unused()), ["a"]);
  subscriptions.enlist("other", ["a"]);
  assertEquals([filtersOf(subscriptions.unused()), subscription?.emptySince], [[], undefined]);
});

Deno.test("makeRoom() deletes the oldest of those that nobody listens to, and only as many as needed", () => {
  const subscriptions = new Subscriptions<string>();
  subscriptions.enlist("busy", Array.from({ length: 9_996 }, (_, index) => `busy/${index}`));
  for (const subscription of subscriptions.enlist("gone", ["a", "b", "c", "d"])) {
    subscription.members.clear();
    subscriptions.abandon(subscription, { owner: "phone", now: 0 });
  }
  assertEquals(filtersOf(subscriptions.makeRoom(["a", "busy/1"])), [], "they are there already");
  assertEquals(filtersOf(subscriptions.makeRoom(["a", "e", "f"])), ["b", "c"], "what is wanted is not deleted");
  subscriptions.enlist("new", ["a", "e", "f"]);
  assertThrows(() => subscriptions.makeRoom(["g", "h"]), BrokerError, "Too many topic filters");
  assertEquals(subscriptions.size, 10_000);
  assertEquals(filtersOf(subscriptions.makeRoom(["g"])), ["d"]);
});

Deno.test("abandon() gives up what one owner left longest ago, and nothing of anybody else", () => {
  const subscriptions = new Subscriptions<string>();
  const leave = (owner: string, filter: string, now: number) => {
    const [subscription] = subscriptions.enlist(owner, [filter]);
    subscription?.members.clear();
    return subscription && subscriptions.abandon(subscription, { owner, now })?.filter;
  };
  assertEquals(leave("honest", "alarm", 0), undefined);
  const given = Array.from({ length: 203 }, (_, index) => leave("greedy", `x/${index}`, index + 1));
  assertEquals(given.slice(-4), [undefined, "x/0", "x/1", "x/2"]);
  assertEquals([subscriptions.size, filtersOf(subscriptions.unused())[0]], [201, "alarm"]);
});

Deno.test("isAmidRetained() holds for whoever was there from the beginning and left before the last one", () => {
  const [subscription] = new Subscriptions<string>().enlist("one", ["a"]);
  if (subscription === undefined) throw new Error("No subscription");
  addWindow(subscription, { from: 10, last: 15 });
  assertEquals([9, 10, 14, 15, 99].map((offset) => isAmidRetained(subscription, offset, 0)), [
    false,
    true,
    true,
    false,
    false,
  ]);
  for (let from = 20; from < 200; from += 10) addWindow(subscription, { from, last: from + 5 });
  assertEquals(subscription.retained.length, 16);
  assertEquals(isAmidRetained(subscription, 12, 0), true, "the oldest are joined and not forgotten");
});
