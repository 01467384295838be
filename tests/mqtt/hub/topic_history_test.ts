import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { TopicTrie } from "../../../src/mqtt/topics/trie.ts";
import { TopicFilterSet } from "../../../src/mqtt/topics/filter_set.ts";
import { type StoredEntry, TopicHistory } from "../../../src/mqtt/hub/topic_history.ts";

const FILTERS = [
  "#",
  "+",
  "a",
  "a/#",
  "a/+",
  "a/b",
  "a/b/#",
  "a/b/c/#",
  "a/b/c/d",
  "+/b",
  "+/+/c/d",
  "x0",
  "x0/#",
  "x3/y",
];

const topicArbitrary = fc.oneof(
  fc.constantFrom("a", "a/b", "a/b/c", "a/b/c/d", "a/b/c/e", "b", "a//c"),
  // More levels than there are groups.
  fc.nat(99).map((number) => `x${number}`),
  fc.nat(99).map((number) => `x${number % 5}/y${number}`),
);

Deno.test("lastEvicted() hides no eviction: all later messages that match the filter are kept", () => {
  const steps = fc.array(
    fc.record({ topic: topicArbitrary, bytes: fc.integer({ min: 1, max: 30 }), evictions: fc.nat(2) }),
    { maxLength: 400, size: "max" },
  );
  fc.assert(
    fc.property(steps, fc.boolean(), (all, isByAge) => {
      const history = new TopicHistory<string>();
      const entries: StoredEntry<string>[] = [];
      for (const [offset, { topic, bytes, evictions }] of all.entries()) {
        entries.push(history.add(topic, { offset, bytes, value: topic }));
        for (let left = evictions; left > 0 && history.bytes > 0; left--) {
          const oldest = entries.find(({ value }) => value !== undefined);
          if (isByAge) oldest?.group.evict();
          else history.evict();
        }
      }
      const kept = entries.filter(({ value }) => value !== undefined);
      assertEquals(history.bytes, kept.reduce((sum, { bytes }) => sum + bytes, 0));
      for (const filter of FILTERS) {
        const filterSet = new TopicFilterSet([filter]);
        const floor = history.lastEvicted(filter);
        const evicted = entries.filter(({ value }, index) =>
          value === undefined && filterSet.matches(all[index]?.topic ?? "")
        );
        for (const { offset } of evicted) assert(offset <= floor, `${filter} hides the eviction of ${offset}`);
      }
    }),
    { numRuns: 300 },
  );
});

/** Filters that count how many topics are tried. */
class CountingFilters extends TopicTrie<string> {
  tried = 0;

  constructor(...filters: readonly string[]) {
    super();
    for (const filter of filters) this.add(filter, filter);
  }

  override matches(topic: string): boolean {
    this.tried += 1;
    return super.matches(topic);
  }
}

Deno.test("after() returns exactly the kept messages after an offset that match a filter, in order", () => {
  const steps = fc.array(
    fc.record({ topic: fc.oneof(topicArbitrary, fc.constantFrom("$a", "$a/b")), evictions: fc.nat(2) }),
    { maxLength: 200, size: "max" },
  );
  const filters = fc.uniqueArray(fc.constantFrom(...FILTERS, "$a/#", "+/+/#"), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(steps, filters, fc.nat(200), (all, wanted, since) => {
      const history = new TopicHistory<string>();
      const entries: StoredEntry<string>[] = [];
      for (const [offset, { topic, evictions }] of all.entries()) {
        entries.push(history.add(topic, { offset, bytes: 1, value: topic }));
        for (let left = evictions; left > 0 && history.bytes > 0; left--) history.evict();
      }
      const filterSet = new TopicFilterSet(wanted);
      const kept = entries.filter(({ value }) => value !== undefined);
      const due = kept.filter(({ offset, topic }) => offset > since && filterSet.matches(topic));
      const found = history.after(since, new CountingFilters(...wanted));
      assertEquals(found.map(({ offset }) => offset), due.map(({ offset }) => offset));
      assertEquals([...history].length, kept.length);
    }),
    { numRuns: 300 },
  );
});

Deno.test("after() tries each topic once, and none of groups that no filter matches or that are older", () => {
  const history = new TopicHistory<number>();
  for (let offset = 0; offset < 1_000; offset++) {
    history.add(`home/room${offset % 10}/lamp/state${offset % 5}`, { offset, bytes: 1, value: offset });
  }
  history.add("alarm/door", { offset: 1_000, bytes: 1, value: 1_000 });
  const tried = (offset: number, ...filters: readonly string[]) => {
    const counting = new CountingFilters(...filters);
    history.after(offset, counting);
    return counting.tried;
  };
  assertEquals([tried(0, "garden/#"), tried(0, "home/+/door"), tried(0, "home/room1/#", "alarm/+")], [0, 0, 2]);
  assertEquals([tried(-1, "home/+/lamp/state1"), tried(999, "#")], [10, 1]);
});

Deno.test("evict() evicts the oldest message of the largest topic within the largest levels", () => {
  const history = new TopicHistory<string>();
  let offset = 0;
  const add = (topic: string, bytes: number) =>
    history.add(topic, { offset: offset++, bytes, value: `${topic} ${bytes}` });
  add("home/lamp", 50);
  for (const device of [1, 2, 3]) add(`home/cam/${device}`, 20);
  add("attacker/1", 60);
  for (const bytes of [30, 25]) add("attacker/2", bytes);
  assertEquals(history.evict().value, undefined);
  const floors = () =>
    ["home/lamp", "home/cam/#", "attacker/1", "attacker/2", "#"].map((filter) => history.lastEvicted(filter));
  assertEquals(floors(), [-1, -1, 4, -1, 4]);
  history.evict();
  assertEquals(floors(), [-1, 1, 4, -1, 4], "now `home` is larger, and most of it is `cam`");
});

Deno.test("topics of many first levels share one group, and do not affect earlier ones", () => {
  const history = new TopicHistory<number>();
  let offset = 0;
  const add = (topic: string) => history.add(topic, { offset, bytes: 100, value: offset++ });
  const known = Array.from({ length: 60 }, (_, index) => `known/${index}`);
  for (const topic of ["home", ...known.map((topic) => topic.replace("/", ""))]) add(topic);
  for (let index = 0; index < 1000; index++) {
    add(`flood${index}`);
    if (index >= 100) history.evict();
  }
  assertEquals(["home", "known0", "known59/#"].map((filter) => history.lastEvicted(filter)), [-1, -1, -1]);
  assert(history.lastEvicted("flood900") > 900);
});

Deno.test("a new topic gets its own group after empty ones are deleted, without hiding their evictions", () => {
  const history = new TopicHistory<number>();
  let offset = 0;
  const add = (topic: string) => history.add(topic, { offset, bytes: 100, value: offset++ });
  for (let index = 0; index < 64; index++) add(`old${index}`);
  while (history.bytes > 0) history.evict();
  add("new");
  assertEquals(history.lastEvicted("new") >= 0, true, "it was in the overflow group until now");
  assert(history.lastEvicted("old0") >= 0 && history.lastEvicted("old63") >= 63);
});
