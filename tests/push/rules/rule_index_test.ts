import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { TopicFilterSet } from "../../../src/mqtt/topics/filter_set.ts";
import type { RuleSource } from "../../../src/push/rules/rule.ts";
import { RuleIndex } from "../../../src/push/rules/rule_index.ts";
import { matcherOfAny } from "../../../src/services/home_assistant/entities.ts";

const filter = fc.tuple(
  fc.array(fc.constantFrom("a", "b", "+"), { maxLength: 2 }),
  fc.constantFrom("a", "+", "#"),
).map(([levels, last]) => [...levels, last].join("/"));
const pattern = fc.oneof(
  fc.constant("*"),
  fc.tuple(fc.constantFrom("a", "a*", "*", "*b"), fc.constantFrom("a", "b", "a*", "*", "*b", "a*b", "*a*"))
    .map((parts) => parts.join(".")),
);
const topic = fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 4 }).map((levels) => levels.join("/"));
const entity = fc.tuple(fc.constantFrom("a", "ab", "b"), fc.constantFrom("a", "b", "ab", "aab", "ba"))
  .map((parts) => parts.join("."));
const health = fc.constantFrom("broker", "jeedom");

const source: fc.Arbitrary<RuleSource> = fc.oneof(
  fc.record({ kind: fc.constant("topics" as const), select: fc.array(filter, { minLength: 1, maxLength: 3 }) }),
  fc.record({ kind: fc.constant("entities" as const), select: fc.array(pattern, { minLength: 1, maxLength: 3 }) }),
  fc.record({ kind: fc.constant("health" as const), select: fc.array(fc.oneof(health, fc.constant("*"))) }),
);

function selects({ kind, select }: RuleSource, subject: string): boolean {
  if (kind === "topics") return new TopicFilterSet(select).matches(subject);
  return kind === "entities" ? matcherOfAny(select)(subject) : select.includes("*") || select.includes(subject);
}

Deno.test("RuleIndex finds what trying every source finds", () => {
  fc.assert(fc.property(fc.array(source, { maxLength: 8 }), topic, entity, health, (sources, topic, entity, health) => {
    const index = new RuleIndex<number>();
    for (const [item, source] of sources.entries()) index.add(item, source);
    for (const [kind, subject] of [["topics", topic], ["entities", entity], ["health", health]] as const) {
      const expected = [...sources.entries()].filter(([, source]) => source.kind === kind && selects(source, subject));
      assertEquals([...index.match({ kind, subject })].sort(), expected.map(([item]) => item).sort());
    }
  }));
});

Deno.test("RuleIndex matches no topic of the broker itself with a wildcard", () => {
  const index = new RuleIndex<string>();
  index.add("all", { kind: "topics", select: ["#", "+/a"] });
  assertEquals(index.match({ kind: "topics", subject: "$SYS/a" }).size, 0);
});
