import { assertEquals } from "@std/assert";
import type { PushRule } from "../../../../src/client/gateway_client.ts";
import { draftOf, newDraft, ruleOf } from "../../../../src/console/screens/device/notifications/rule_draft.ts";
import { ruleWords } from "../../../../src/console/screens/device/notifications/rule_words.ts";
import {
  pathSuggestions,
  sourceSuggestions,
} from "../../../../src/console/screens/device/notifications/suggestions.ts";
import { NOTIFICATION_TEXTS } from "../../../../src/console/screens/device/notifications/texts.ts";
import { parseRule } from "../../../../src/push/rules/rule.ts";

const OPTIONS = { names: ["door"], timeZone: "Europe/Paris" };

const RULES: readonly PushRule[] = [
  {
    ...{ name: "freezer", source: { topics: ["a/b", "a/c"] }, path: "$.t", title: "{value} °C", body: "x", topic: "f" },
    ...{ urgency: "high", ttlSeconds: 60, minIntervalSeconds: 90, actions: ["open"] },
    condition: { type: "above", limit: -15, hysteresis: 2 },
    quietHours: { from: "21:00", to: "06:30", timeZone: "Europe/London" },
  },
  {
    ...{ name: "light", source: { entities: ["light.*"] }, title: "Light", urgency: "normal" },
    condition: { type: "equals", text: "on", once: true },
  },
  { name: "down", source: { health: ["*"] }, condition: { type: "changed" }, title: "Down", urgency: "low" },
];

Deno.test("ruleOf() returns the rule of draftOf() as it was, which the gateway takes", () => {
  for (const rule of RULES) {
    assertEquals(ruleOf(draftOf(rule), { ...OPTIONS, rule }), rule);
    parseRule(rule);
  }
});

Deno.test("ruleOf() makes a free name of the title, and leaves empty entries out", () => {
  const draft = { ...newDraft("topics"), select: [" a ", ""] };
  const nameOf = (title: string) => ruleOf({ ...draft, title }, OPTIONS).name;
  assertEquals(["Door", "Porte d’entrée: {value}", "{value}"].map(nameOf), ["door-2", "porte-d-entree", "rule"]);
  assertEquals(ruleOf(draft, OPTIONS).source, { topics: ["a"] });
});

Deno.test("ruleWords() says what a rule tells of", () => {
  assertEquals(RULES.map((rule) => ruleWords(rule, NOTIFICATION_TEXTS.en.words)), [
    "a/b, a/c › $.t rises above -15",
    "light.* is “on”",
    "* changes",
  ]);
});

Deno.test("sourceSuggestions() and pathSuggestions() offer what the key may read", () => {
  const device = { rights: { mqtt: { subscribe: ["home/#"] }, home_assistant: { read: ["light.*"] } } };
  const seen = [
    { service: "mqtt", topic: "home/a", path: ["battery", "left side", "it's"] },
    { service: "home_assistant", topic: "light.hall", path: [] },
  ] as const;
  assertEquals(sourceSuggestions("topics", { device, seen }), ["home/a", "home/#"]);
  assertEquals(sourceSuggestions("entities", { device, seen }), ["light.hall", "light.*"]);
  assertEquals(sourceSuggestions("health", { device, seen }), ["*", "broker"]);
  assertEquals(pathSuggestions(["home/a"], seen), [`$.battery['left side']["it's"]`]);
});
