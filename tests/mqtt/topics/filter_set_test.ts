import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { TopicFilterSet } from "../../../src/mqtt/topics/filter_set.ts";

/** Matches by regular expression, independently of the code under test. */
function matches(filter: string, topic: string): boolean {
  if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
  const pattern = filter.split("/").map((level) =>
    level === "+" ? "[^/]*" : level === "#" ? "#" : level.replace(/[$]/g, "\\$&")
  ).join("/").replace(/\/#$/, "(/.*)?").replace(/^#$/, ".*");
  return new RegExp(`^${pattern}$`).test(topic);
}

const LEVELS = ["a", "b", "", "other"];

/** Topics of up to five levels; "other" stands for all names that no filter contains. */
const TOPICS: string[] = (function topics(depth: number): string[] {
  if (depth === 1) return LEVELS;
  return [...LEVELS, ...topics(depth - 1).flatMap((rest) => LEVELS.map((level) => `${level}/${rest}`))];
})(5);

/** Filters of up to four levels, so that topics of five reach beyond them. */
const filterArbitrary = fc.tuple(
  fc.array(fc.constantFrom("a", "b", "", "+"), { maxLength: 3 }),
  fc.constantFrom("a", "b", "+", "#", "#"),
).map(([levels, last]) => [...levels, last].join("/"));

Deno.test("matches() agrees with a brute-force matcher", () => {
  fc.assert(fc.property(filterArbitrary, fc.constantFrom(...TOPICS), (filter, topic) => {
    assertEquals(new TopicFilterSet([filter]).matches(topic), matches(filter, topic), `${filter} on ${topic}`);
  }));
});

Deno.test("covers() agrees with a brute-force matcher, for any number of filters together", () => {
  fc.assert(
    fc.property(fc.array(filterArbitrary, { maxLength: 5 }), filterArbitrary, (grants, wanted) => {
      const expected = TOPICS.every((topic) =>
        !matches(wanted, topic) || grants.some((grant) => matches(grant, topic))
      );
      assertEquals(new TopicFilterSet(grants).covers(wanted), expected, `${wanted} within ${grants.join(" ")}`);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("covers() never accepts a topic that the filters do not match", () => {
  fc.assert(
    fc.property(fc.array(filterArbitrary), filterArbitrary, fc.constantFrom(...TOPICS), (grants, wanted, topic) => {
      const granted = new TopicFilterSet(grants);
      if (granted.covers(wanted) && matches(wanted, topic)) assertEquals(granted.matches(topic), true);
    }),
  );
});

Deno.test("covers() distinguishes narrower and wider filters", () => {
  const table: [grants: string[], wanted: string, expected: boolean][] = [
    [["home/+/temp"], "home/#", false],
    [["home/+/temp"], "home/+/temp", true],
    [["home/+/temp"], "home/kitchen/temp", true],
    [["home/+/temp"], "home/+/+", false],
    [["home/#"], "home/+/temp", true],
    [["home/#"], "home", true],
    [["home/#"], "home/#", true],
    [["home/#"], "house/#", false],
    [["home/#"], "#", false],
    [["home/#"], "+/a", false],
    [["home"], "home/#", false],
    [["home/+/#"], "home/#", false],
    [["home", "home/+/#"], "home/#", true],
    [["+/#"], "#", true],
    [["#"], "#", true],
    [["a", "b"], "+", false],
    [["/+"], "/x", true],
    [["+"], "/x", false],
    [[], "a", false],
    [["#"], "$SYS/#", false],
    [["$SYS/#"], "$SYS/broker", true],
  ];
  for (const [grants, wanted, expected] of table) {
    assertEquals(new TopicFilterSet(grants).covers(wanted), expected, `${wanted} within ${grants.join(" ")}`);
  }
});

Deno.test("matches() does not match system topics with a wildcard", () => {
  assertEquals(new TopicFilterSet(["#", "+/x"]).matches("$SYS/x"), false);
  assertEquals(new TopicFilterSet(["$SYS/#"]).matches("$SYS/x"), true);
});

Deno.test("covers() accepts filters that begin with $ only within filters with the same first level", () => {
  const contain = (grants: string[], filter: string) => new TopicFilterSet(grants).covers(filter);
  for (const filter of ["$SYS/broker/uptime", "$SYS/#", "$share/g/home/x", "$share/g/#", "$share/g/$SYS/x"]) {
    assertEquals(contain(["#", "+/#", "+/+/#", "home/#"], filter), false, filter);
  }
  for (
    const [grant, filter, granted] of [
      ["$SYS/#", "$SYS/broker/uptime", true],
      ["$SYS/#", "$SYS/#", true],
      ["$SYS/#", "#", false],
      ["$SYS/#", "$share/g/$SYS/x", false],
      ["$SYS/broker/#", "$SYS/#", false],
      ["$share/g/home/#", "$share/g/home/#", true],
      ["$share/g/home/#", "$share/g/home/x/+", true],
      ["$share/g/home/#", "$share/h/home/#", false],
      ["$share/g/home/#", "home/x", false],
      ["$share/g/#", "$share/g/$SYS/x", false],
      ["$share/+/home/#", "$share/any/home/x", true],
      ["$share/+/home/#", "$share/+/home/x", false],
    ] as const
  ) assertEquals(contain([grant], filter), granted, `${grant} ${filter}`);
});

Deno.test("matches() does not match the topic of a shared subscription", () => {
  assertEquals(new TopicFilterSet(["$share/g/home/#"]).matches("home/x"), false);
});
