import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { GATEWAY_TEXTS } from "../../../../src/console/screens/device/notifications/gateway_texts.ts";
import { newDraft, type RuleDraft, ruleOf } from "../../../../src/console/screens/device/notifications/rule_draft.ts";
import { ruleFault, type RuleField } from "../../../../src/console/screens/device/notifications/rule_fault.ts";
import { FieldError } from "../../../../src/protocol/payload.ts";
import { parseRule } from "../../../../src/push/rules/rule.ts";

const { en, fr } = GATEWAY_TEXTS;

Deno.test("ruleFault() finds the field that an error of the gateway names", () => {
  const fieldOf = (message: string) => ruleFault({ gatewayCode: "field", message }, en).field;
  assertEquals(
    [
      "Invalid field: rule.source.topics.0: must be a text",
      "Missing required field: rule.title",
      "Invalid field: rule.unheard: no",
      "Missing required field: rule",
    ].map(fieldOf),
    ["source", "title", undefined, undefined],
  );
});

const DRAFT: RuleDraft = { ...newDraft("topics"), select: ["a"], title: "Door" };

for (
  const [field, changes] of [
    ["source", { select: [""] }],
    ["source", { select: ["a", "a#"] }],
    ["source", { kind: "entities", select: ["Light"] }],
    ["source", { kind: "health", select: ["A b"] }],
    ["path", { path: "battery" }],
    ["condition", { condition: "equals", text: "a".repeat(1000) }],
    ["condition", { condition: "matches", text: "*a".repeat(100) }],
    ["condition", { condition: "above", limit: "" }],
    ["condition", { condition: "below", limit: "1", hysteresis: "-1" }],
    ["title", { title: "" }],
    ["title", { title: "{" }],
    ["body", { body: "a".repeat(5000) }],
    ["body", { body: "{nothing" }],
    ["minIntervalSeconds", { minutes: "-1" }],
    ["minIntervalSeconds", { minutes: "much" }],
    ["quietHours", { isQuiet: true, from: "" }],
    ["quietHours", { isQuiet: true, to: "25:00" }],
    ["quietHours", { isQuiet: true, from: "07:00", to: "07:00" }],
  ] as const satisfies readonly (readonly [RuleField, Partial<RuleDraft>])[]
) {
  Deno.test(`ruleFault() is in French, at ${field}, for the form with ${JSON.stringify(changes).slice(0, 60)}`, () => {
    const rule = ruleOf({ ...DRAFT, ...changes }, { names: [], timeZone: "Europe/Paris" });
    const { message } = assertThrows(() => parseRule(JSON.parse(JSON.stringify(rule))), FieldError);
    const [english, french] = [en, fr].map((texts) => ruleFault({ gatewayCode: "field", message }, texts));
    assertEquals([english?.field, french?.field], [field, field]);
    assert(message.endsWith(english?.text ?? ""));
    assert([...fr.fields.values()].includes(french?.text ?? ""), message);
  });
}

Deno.test("ruleFault() is in French for a code without a field, and in the gateway's words for one that the page does not know", () => {
  for (
    const [code, text] of [["scope", /^La clé ne peut pas/], ["limit_reached", /^La clé a déjà/], [
      "newer",
      /^Why/,
    ]] as const
  ) {
    const { field, text: shown } = ruleFault({ gatewayCode: code, message: "Why" }, fr);
    assertEquals(field, undefined);
    assertMatch(shown, text);
  }
});
