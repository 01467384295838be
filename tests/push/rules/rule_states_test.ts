import { assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import type { ConditionState } from "../../../src/push/rules/condition.ts";
import { ruleHash, RuleStates, subjectName } from "../../../src/push/rules/rule_states.ts";

Deno.test("RuleStates.parse() reads what toJson() writes, for any states", () => {
  const state = fc.record({ known: fc.string(), isActive: fc.boolean(), alertedAt: fc.nat() }, { requiredKeys: [] });
  const entry = fc.tuple(fc.constantFrom("a", "b", "c"), fc.string(), state);
  fc.assert(fc.property(fc.array(entry, { maxLength: 50 }), (entries) => {
    const states = new RuleStates();
    const expected = new Map<string, ConditionState>();
    for (const [rule, subject, one] of entries) {
      states.set(ruleHash(rule), subject, one);
      expected.set(JSON.stringify([rule, subject]), one);
    }
    const read = RuleStates.parse(states.toJson(new Set([ruleHash("a"), ruleHash("b")])));
    for (const [name, one] of expected) {
      const [rule, subject]: [string, string] = JSON.parse(name);
      assertEquals(read.get(ruleHash(rule), subject), rule === "c" ? undefined : one);
    }
  }));
});

Deno.test("RuleStates.parse() takes anything else as unknown", () => {
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.jsonValue().map((states) => JSON.stringify({ version: 1, states })),
  );
  fc.assert(fc.property(texts, (text) => void RuleStates.parse(text)));
  for (const text of [undefined, "", '{"version":2,"states":[["a","b"]]}']) {
    assertEquals(RuleStates.parse(text).toJson(new Set(["a"])), '{"version":1,"states":[]}');
  }
});

Deno.test("subjectName() is the subject itself, or a short text that stands for it alone", () => {
  assertEquals(subjectName("home/door"), "home/door");
  assertEquals(subjectName("t".repeat(60_000)).length, 44);
  assertNotEquals(subjectName("t".repeat(201)), subjectName("t".repeat(202)));
});
