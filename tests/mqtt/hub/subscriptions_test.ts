import { assertEquals, assertThrows } from "@std/assert";
import { BrokerError } from "../../../src/mqtt/broker.ts";
import { ReceivedTopics } from "../../../src/mqtt/hub/retained.ts";
import { appendWindow, interruptedWindows, isActiveSince, Subscriptions } from "../../../src/mqtt/hub/subscriptions.ts";

const filtersOf = (subscriptions: Iterable<{ readonly filter: string }>) => [...subscriptions].map((one) => one.filter);

Deno.test("add() makes one subscription per filter for any number of subscribers", () => {
  const subscriptions = new Subscriptions<string>();
  const [first] = subscriptions.add("one", { owner: "one", filters: ["a/+"] });
  const [second] = subscriptions.add("other", { owner: "other", filters: ["b", "a/+"] });
  assertEquals(first, second);
  assertEquals([...first?.subscribers ?? []], ["one", "other"]);
  assertEquals(subscriptions.size, 2);
});

Deno.test("recipientsOf() finds the subscriptions of a delivery by its topic or its ids, the oldest first", () => {
  const subscriptions = new Subscriptions<string>();
  subscriptions.add("one", { owner: "one", filters: ["z/#", "b", "#", "z/a"] });
  subscriptions.add("other", { owner: "other", filters: ["+/a", "z/#"] });
  assertEquals(filtersOf(subscriptions.recipientsOf({ topic: "z/a" })), ["z/#", "#", "z/a", "+/a"]);
  assertEquals(filtersOf(subscriptions.recipientsOf({ topic: "z/a", subscriptions: [5, 3, 99] })), ["#", "+/a"]);
});

Deno.test("a filter that was deleted gets a new id", () => {
  const subscriptions = new Subscriptions<string>();
  const [old] = subscriptions.add("one", { owner: "one", filters: ["a"] });
  if (old !== undefined) subscriptions.delete(old);
  assertEquals(subscriptions.recipientsOf({ topic: "a" }), []);
  const [made] = subscriptions.add("one", { owner: "one", filters: ["a"] });
  assertEquals([old?.id, made?.id], [1, 2]);
  // Deleting the old one again must not delete the new one.
  if (old !== undefined) subscriptions.delete(old);
  assertEquals(filtersOf(subscriptions.recipientsOf({ topic: "a" })), ["a"]);
});

Deno.test("add() makes an idle subscription active again", () => {
  const subscriptions = new Subscriptions<string>();
  const [subscription] = subscriptions.add("one", { owner: "phone", filters: ["a"] });
  if (subscription === undefined) throw new Error("No subscription");
  subscriptions.remove(subscription, "one", { owner: "phone", now: 5 });
  assertEquals(filtersOf(subscriptions.unused()), ["a"]);
  subscriptions.add("other", { owner: "phone", filters: ["a"] });
  assertEquals([filtersOf(subscriptions.unused()), subscription.owners.get("phone")?.idleSince], [[], undefined]);
  assertEquals(subscriptions.expire(100), []);
});

/** Adds and removes an owner's only subscriber of some filters. */
function addAndRemove(
  subscriptions: Subscriptions<string>,
  owner: string,
  { filters, now = 0 }: SubscribeOptions,
): string[] {
  return subscriptions.add(owner, { owner, filters })
    .map((subscription) => subscriptions.remove(subscription, owner, { owner, now })?.filter)
    .filter((filter) => filter !== undefined);
}

interface SubscribeOptions {
  readonly filters: readonly string[];
  readonly now?: number;
}

Deno.test("makeRoom() deletes idle filters of the owner, the oldest first, and none that it wants", () => {
  const subscriptions = new Subscriptions<string>();
  const busy = Array.from({ length: 2_496 }, (_, index) => `busy/${index}`);
  subscriptions.add("greedy", { owner: "greedy", filters: busy });
  addAndRemove(subscriptions, "modest", { filters: ["alarm", "a"] });
  addAndRemove(subscriptions, "greedy", { filters: ["a", "b", "c", "d"] });
  assertEquals(filtersOf(subscriptions.makeRoom("greedy", ["a", "busy/1"])), [], "they exist already");
  assertEquals(filtersOf(subscriptions.makeRoom("greedy", ["a", "e", "f"])), ["b", "c"], "wanted filters stay");
  subscriptions.add("new", { owner: "greedy", filters: ["a", "e", "f"] });
  const tooMany = "Too many topic filters: more than 2500 are in use";
  assertThrows(() => subscriptions.makeRoom("greedy", ["g", "h"]), BrokerError, tooMany);
  assertEquals(filtersOf(subscriptions.makeRoom("greedy", ["alarm"])), ["d"]);
  assertEquals(filtersOf(subscriptions.makeRoom("modest", ["g", "h"])), [], "no other owner is affected");
  assertEquals(filtersOf(subscriptions.unused()), ["alarm"]);
});

Deno.test("makeRoom() deletes filters without subscribers at the limit of all owners", () => {
  const subscriptions = new Subscriptions<string>();
  const owned = (owner: string, length = 2_500) => Array.from({ length }, (_, index) => `${owner}/${index}`);
  for (const owner of ["a", "b", "c"]) subscriptions.add(owner, { owner, filters: owned(owner) });
  subscriptions.add("d", { owner: "d", filters: owned("d", 2_498) });
  addAndRemove(subscriptions, "greedy", { filters: ["early"], now: 1 });
  addAndRemove(subscriptions, "modest", { filters: ["late"], now: 2 });
  assertEquals(filtersOf(subscriptions.makeRoom("new", ["x"])), ["early"]);
  subscriptions.add("new", { owner: "new", filters: ["x"] });
  const tooMany = "Too many topic filters: more than 10000 are in use";
  assertThrows(() => subscriptions.makeRoom("new", ["y", "z"]), BrokerError, tooMany);
  assertEquals(subscriptions.size, 10_000);
});

Deno.test("remove() deletes the longest idle filter of the owner beyond its limit, and none of another owner", () => {
  const subscriptions = new Subscriptions<string>();
  addAndRemove(subscriptions, "honest", { filters: ["alarm", "x/1"] });
  const filters = Array.from({ length: 203 }, (_, index) => `x/${index}`);
  assertEquals(
    addAndRemove(subscriptions, "greedy", { filters }),
    ["x/0", "x/2"],
    "x/1 is idle for the other owner too",
  );
  assertEquals([subscriptions.size, filtersOf(subscriptions.unused())[0]], [202, "alarm"]);
});

Deno.test("expire() removes idle owners, and deletes filters without owners", () => {
  const subscriptions = new Subscriptions<string>();
  const [both] = subscriptions.add("staying", { owner: "staying", filters: ["both"] });
  addAndRemove(subscriptions, "first", { filters: ["both", "first"], now: 10 });
  addAndRemove(subscriptions, "second", { filters: ["both", "second"], now: 20 });
  assertEquals(filtersOf(subscriptions.expire(9)), []);
  assertEquals(filtersOf(subscriptions.expire(10)), ["first"]);
  assertEquals([...both?.owners.keys() ?? []].sort(), ["second", "staying"]);
  assertEquals(filtersOf(subscriptions.expire()), ["second"]);
  assertEquals([filtersOf(subscriptions), [...both?.owners.keys() ?? []]], [["both"], ["staying"]]);
});

Deno.test("isActiveSince() holds from the first granted request of the owner itself, while the broker sends", () => {
  const [subscription] = new Subscriptions<string>().add("one", { owner: "one", filters: ["a"] });
  const state = subscription?.owners.get("one");
  if (subscription === undefined || state === undefined) throw new Error("No subscription");
  const isActive = (offset: number, owner = "one") => isActiveSince(subscription, owner, offset);
  assertEquals(isActive(99), false);
  state.activeFrom = 10;
  assertEquals([9, 10].map((offset) => isActive(offset)), [false, true]);
  assertEquals(isActive(99, "other"), false);
  state.activeFrom = undefined;
  assertEquals(isActive(99), false);
});

Deno.test("interruptedWindows() finds deliveries that began for an owner and did not reach it completely", () => {
  const subscriptions = new Subscriptions<string>();
  const [subscription] = subscriptions.add("one", { owner: "one", filters: ["a"] });
  const state = subscription?.owners.get("one");
  if (subscription === undefined || state === undefined) throw new Error("No subscription");
  const isInterrupted = (offset: number, owner = "one") =>
    interruptedWindows(subscription, owner, { offset, now: 0 }).length > 0;
  subscriptions.addRetainedWindow(subscription, { owner: "one", requestedAt: 10, window: { from: 10, last: 15 } });
  assertEquals([9, 10, 14, 15, 99].map((offset) => isInterrupted(offset)), [false, true, true, false, false]);
  assertEquals(isInterrupted(12, "other"), false);
  for (let from = 20; from < 200; from += 10) appendWindow(state, { from, last: from + 5 });
  assertEquals(state.retainedWindows.length, 16);
  assertEquals(isInterrupted(12), true, "the oldest are merged and not deleted");
});

Deno.test("addRetainedWindow() clears the oldest topics of an owner beyond 1 MiB, and no others", () => {
  const subscriptions = new Subscriptions<string>();
  const [one] = subscriptions.add("one", { owner: "one", filters: ["a"] });
  const [other] = subscriptions.add("other", { owner: "other", filters: ["a"] });
  if (one === undefined || other === undefined) throw new Error("No subscription");
  const large = (owner: string, last: number) => {
    const topics = new ReceivedTopics();
    for (let index = 0; index < 400; index++) topics.add(`${index}/${"x".repeat(996)}`, last);
    const window = { from: last - 1, last, topics };
    subscriptions.addRetainedWindow(one, { owner, requestedAt: last - 1, window });
    return topics;
  };
  const theirs = large("other", 1);
  const own = [2, 3, 4].map((last) => large("one", last));
  assertEquals([theirs, ...own].map((topics) => topics.upTo(9).length), [400, 0, 400, 400]);
  // Topics of a removed owner do not count when it is added again.
  subscriptions.remove(one, "one", { owner: "one", now: 0 });
  subscriptions.expire();
  const [again] = subscriptions.add("one", { owner: "one", filters: ["a"] });
  if (again === undefined) throw new Error("No subscription");
  assertEquals([5, 6].map((last) => large("one", last).upTo(9).length), [400, 400]);
  assertEquals(own[0]?.bytes, 0);
});
