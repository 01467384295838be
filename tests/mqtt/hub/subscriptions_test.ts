import { assertEquals, assertThrows } from "@std/assert";
import { BrokerError } from "../../../src/mqtt/broker.ts";
import { ReceivedTopics } from "../../../src/mqtt/hub/retained.ts";
import { appendWindow, interruptedWindows, isActiveSince, Subscriptions } from "../../../src/mqtt/hub/subscriptions.ts";

const filtersOf = (subscriptions: Iterable<{ readonly filter: string }>) => [...subscriptions].map((one) => one.filter);

Deno.test("enlist() makes one subscription for each filter, however many want it", () => {
  const subscriptions = new Subscriptions<string>();
  const [first] = subscriptions.add("one", { owner: "one", filters: ["a/+"] });
  const [second] = subscriptions.add("other", { owner: "other", filters: ["b", "a/+"] });
  assertEquals(first, second);
  assertEquals([...first?.subscribers ?? []], ["one", "other"]);
  assertEquals(subscriptions.size, 2);
});

Deno.test("meantBy() finds the subscriptions of a delivery by its topic or by its ids, the oldest first", () => {
  const subscriptions = new Subscriptions<string>();
  subscriptions.add("one", { owner: "one", filters: ["z/#", "b", "#", "z/a"] });
  subscriptions.add("other", { owner: "other", filters: ["+/a", "z/#"] });
  assertEquals(filtersOf(subscriptions.recipientsOf({ topic: "z/a" })), ["z/#", "#", "z/a", "+/a"]);
  assertEquals(filtersOf(subscriptions.recipientsOf({ topic: "z/a", subscriptions: [5, 3, 99] })), ["#", "+/a"]);
});

Deno.test("a filter that was deleted gets a number that nobody had before", () => {
  const subscriptions = new Subscriptions<string>();
  const [old] = subscriptions.add("one", { owner: "one", filters: ["a"] });
  if (old !== undefined) subscriptions.delete(old);
  assertEquals(subscriptions.recipientsOf({ topic: "a" }), []);
  const [made] = subscriptions.add("one", { owner: "one", filters: ["a"] });
  assertEquals([old?.id, made?.id], [1, 2]);
  // Whoever still holds the old one must not delete the new one with it.
  if (old !== undefined) subscriptions.delete(old);
  assertEquals(filtersOf(subscriptions.recipientsOf({ topic: "a" })), ["a"]);
});

Deno.test("enlist() takes back a subscription that its owner left", () => {
  const subscriptions = new Subscriptions<string>();
  const [subscription] = subscriptions.add("one", { owner: "phone", filters: ["a"] });
  if (subscription === undefined) throw new Error("No subscription");
  subscriptions.remove(subscription, "one", { owner: "phone", now: 5 });
  assertEquals(filtersOf(subscriptions.unused()), ["a"]);
  subscriptions.add("other", { owner: "phone", filters: ["a"] });
  assertEquals([filtersOf(subscriptions.unused()), subscription.owners.get("phone")?.idleSince], [[], undefined]);
  assertEquals(subscriptions.expire(100), []);
});

/** Lets an owner's only member leave the subscriptions of some filters. */
function visit(subscriptions: Subscriptions<string>, owner: string, { filters, now = 0 }: Visit): string[] {
  return subscriptions.add(owner, { owner, filters })
    .map((subscription) => subscriptions.remove(subscription, owner, { owner, now })?.filter)
    .filter((filter) => filter !== undefined);
}

interface Visit {
  readonly filters: readonly string[];
  readonly now?: number;
}

Deno.test("makeRoom() gives up what an owner left itself, the oldest first, and nothing that it wants", () => {
  const subscriptions = new Subscriptions<string>();
  const busy = Array.from({ length: 2_496 }, (_, index) => `busy/${index}`);
  subscriptions.add("greedy", { owner: "greedy", filters: busy });
  visit(subscriptions, "modest", { filters: ["alarm", "a"] });
  visit(subscriptions, "greedy", { filters: ["a", "b", "c", "d"] });
  assertEquals(filtersOf(subscriptions.makeRoom("greedy", ["a", "busy/1"])), [], "they are there already");
  assertEquals(filtersOf(subscriptions.makeRoom("greedy", ["a", "e", "f"])), ["b", "c"], "what is wanted stays");
  subscriptions.add("new", { owner: "greedy", filters: ["a", "e", "f"] });
  const tooMany = "Too many topic filters: more than 2500 are in use";
  assertThrows(() => subscriptions.makeRoom("greedy", ["g", "h"]), BrokerError, tooMany);
  assertEquals(filtersOf(subscriptions.makeRoom("greedy", ["alarm"])), ["d"]);
  assertEquals(filtersOf(subscriptions.makeRoom("modest", ["g", "h"])), [], "nobody else is refused");
  assertEquals(filtersOf(subscriptions.unused()), ["alarm"]);
});

Deno.test("makeRoom() gives up what nobody listens to when all together are too many", () => {
  const subscriptions = new Subscriptions<string>();
  const owned = (owner: string, length = 2_500) => Array.from({ length }, (_, index) => `${owner}/${index}`);
  for (const owner of ["a", "b", "c"]) subscriptions.add(owner, { owner, filters: owned(owner) });
  subscriptions.add("d", { owner: "d", filters: owned("d", 2_498) });
  visit(subscriptions, "modest", { filters: ["late"], now: 2 });
  visit(subscriptions, "greedy", { filters: ["early"], now: 1 });
  assertEquals(filtersOf(subscriptions.makeRoom("new", ["x"])), ["early"]);
  subscriptions.add("new", { owner: "new", filters: ["x"] });
  const tooMany = "Too many topic filters: more than 10000 are in use";
  assertThrows(() => subscriptions.makeRoom("new", ["y", "z"]), BrokerError, tooMany);
  assertEquals(subscriptions.size, 10_000);
});

Deno.test("leave() gives up what one owner left longest ago, and nothing of another owner", () => {
  const subscriptions = new Subscriptions<string>();
  visit(subscriptions, "honest", { filters: ["alarm", "x/1"] });
  const filters = Array.from({ length: 203 }, (_, index) => `x/${index}`);
  assertEquals(visit(subscriptions, "greedy", { filters }), ["x/0", "x/2"], "the other one holds x/1");
  assertEquals([subscriptions.size, filtersOf(subscriptions.unused())[0]], [202, "alarm"]);
});

Deno.test("expire() ends what owners hold that left, and deletes what no owner holds any more", () => {
  const subscriptions = new Subscriptions<string>();
  const [both] = subscriptions.add("staying", { owner: "staying", filters: ["both"] });
  visit(subscriptions, "first", { filters: ["both", "first"], now: 10 });
  visit(subscriptions, "second", { filters: ["both", "second"], now: 20 });
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

Deno.test("retainedAmid() finds what an owner was there for from the beginning and left before the last one", () => {
  const subscriptions = new Subscriptions<string>();
  const [subscription] = subscriptions.add("one", { owner: "one", filters: ["a"] });
  const hold = subscription?.owners.get("one");
  if (subscription === undefined || hold === undefined) throw new Error("No subscription");
  const isAmid = (offset: number, owner = "one") =>
    interruptedWindows(subscription, owner, { offset, now: 0 }).length > 0;
  subscriptions.addRetainedWindow(subscription, "one", { from: 10, last: 15 });
  assertEquals([9, 10, 14, 15, 99].map((offset) => isAmid(offset)), [false, true, true, false, false]);
  assertEquals(isAmid(12, "other"), false);
  for (let from = 20; from < 200; from += 10) appendWindow(hold, { from, last: from + 5 });
  assertEquals(hold.retainedWindows.length, 16);
  assertEquals(isAmid(12), true, "the oldest are joined and not forgotten");
});

Deno.test("addWindow() forgets the oldest topics of an owner that has more than 1 MiB of them, and no others", () => {
  const subscriptions = new Subscriptions<string>();
  const [one] = subscriptions.add("one", { owner: "one", filters: ["a"] });
  const [other] = subscriptions.add("other", { owner: "other", filters: ["a"] });
  if (one === undefined || other === undefined) throw new Error("No subscription");
  const large = (owner: string, last: number) => {
    const topics = new ReceivedTopics();
    for (let index = 0; index < 400; index++) topics.add(`${index}/${"x".repeat(996)}`, last);
    subscriptions.addRetainedWindow(one, owner, { from: last - 1, last, topics });
    return topics;
  };
  const theirs = large("other", 1);
  const own = [2, 3, 4].map((last) => large("one", last));
  assertEquals([theirs, ...own].map((topics) => topics.upTo(9).length), [400, 0, 400, 400]);
  // Those of an owner that has gone do not count when it comes again.
  subscriptions.remove(one, "one", { owner: "one", now: 0 });
  subscriptions.expire();
  const [again] = subscriptions.add("one", { owner: "one", filters: ["a"] });
  if (again === undefined) throw new Error("No subscription");
  assertEquals([5, 6].map((last) => large("one", last).upTo(9).length), [400, 400]);
  assertEquals(own[0]?.bytes, 0);
});
