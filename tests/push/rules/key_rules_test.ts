import { assert, assertEquals } from "@std/assert";
import { type GrantedRule, KeyRules } from "../../../src/push/rules/key_rules.ts";
import { RuleStates } from "../../../src/push/rules/rule_states.ts";
import { granted, message, NOW } from "../../support/push_rules.ts";

const CHANGED = { condition: { type: "changed" } };

function rulesOf(...rules: readonly GrantedRule[]): KeyRules {
  const made = new KeyRules();
  made.set(rules);
  return made;
}

/** Evaluates messages on topics, and returns the names of the rules with an alert for each. */
function receive(rules: KeyRules, ...messages: readonly (readonly [subject: string, text: string])[]): string[][] {
  return messages.map(([subject, text]) =>
    rules.receive(message(text, { subject }), NOW).alerts.map((make) => make().rule).sort()
  );
}

Deno.test("KeyRules alerts for each rule, with a state for each topic", () => {
  const rules = rulesOf(
    granted({ name: "both", source: { topics: ["home/+"] }, ...CHANGED }),
    granted({ name: "one", source: { topics: ["home/a"] } }),
  );
  assertEquals(
    receive(rules, ["home/a", "1"], ["home/b", "2"], ["home/a", "2"], ["home/b", "2"], ["other", "3"]),
    [["one"], [], ["both", "one"], [], []],
  );
});

Deno.test("KeyRules evaluates a rule only for what the key may receive of its source", () => {
  const rule = granted({ source: { topics: ["home/#", "shed/#"] } });
  const rules = rulesOf({ ...rule, select: ["shed/#"] });
  assertEquals(receive(rules, ["home/a", "1"], ["shed/a", "1"]), [[], ["rule"]]);
  rules.set([{ ...rule, select: [] }]);
  assertEquals(receive(rules, ["home/a", "2"], ["shed/a", "2"]), [[], []]);
});

Deno.test("KeyRules keeps the state of a rule whose text is the same, and forgets that of another with its name", () => {
  const rules = rulesOf(granted(CHANGED));
  receive(rules, ["a", "1"]);
  rules.set([granted(CHANGED), granted({ name: "other", source: { topics: ["b"] } })]);
  assertEquals(receive(rules, ["a", "2"]), [["rule"]]);
  rules.set([granted({ ...CHANGED, title: "Other" })]);
  assertEquals(receive(rules, ["a", "3"], ["a", "4"]), [[], ["rule"]]);
  rules.set([]);
  assertEquals(receive(rules, ["a", "5"]), [[]]);
});

Deno.test("KeyRules continues with the states of another process, but for rules that are gone", () => {
  const once = granted({ condition: { type: "above", limit: 20 }, minIntervalSeconds: 60 });
  const first = rulesOf(once, granted({ name: "gone", ...CHANGED }));
  assertEquals(receive(first, ["a", "21"]), [["rule"]]);
  first.set([once]);
  const json = first.statesJson();
  assertEquals(JSON.parse(json).states.length, 1);
  const second = new KeyRules(RuleStates.parse(json));
  second.set([once]);
  assertEquals(receive(second, ["a", "22"], ["a", "19"]), [[], []]);
  const { alerts, held } = second.receive(message("23"), NOW + 59_000);
  assertEquals([alerts, held], [[], ["interval"]]);
  assertEquals(second.receive(message("23"), NOW + 60_000).alerts.length, 1);
});

Deno.test("KeyRules keeps the states of at most 1,000 topics, and tells long topics apart", () => {
  const rules = rulesOf(granted({ source: { topics: ["#"] }, ...CHANGED }));
  const long = "t".repeat(60_000);
  receive(rules, [`${long}1`, "a"], [`${long}2`, "b"]);
  assertEquals(receive(rules, [`${long}1`, "a"], [`${long}2`, "c"]), [[], ["rule"]]);
  for (let number = 0; number < 1000; number++) receive(rules, [`home/${number}`, "a"]);
  assertEquals(receive(rules, [`${long}1`, "b"], ["home/999", "b"]), [[], ["rule"]]);
  assert(rules.statesJson().length < 200_000);
});

Deno.test("KeyRules reports alerts that are held back, and whether a state has changed", () => {
  const rules = rulesOf(granted({ minIntervalSeconds: 60 }));
  assertEquals(rules.receive(message("1"), NOW).isChanged, true);
  assertEquals(rules.receive(message("2"), NOW + 1000), { alerts: [], held: ["interval"], isChanged: false });
  assertEquals(rules.receive(message("2", { subject: "other" }), NOW).isChanged, false);
});
