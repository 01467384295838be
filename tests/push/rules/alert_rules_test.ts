import { assert, assertEquals } from "@std/assert";
import { AlertRules, type RuleOwner } from "../../../src/push/rules/alert_rules.ts";
import { message, NOW, ruleWith } from "../../support/push_rules.ts";

const owner = (key: string, mayReceive: RuleOwner["mayReceive"] = () => true): RuleOwner => ({ key, mayReceive });
const CHANGED = { condition: { type: "changed" } };

/** Evaluates messages on topics, and returns the keys with an alert for each. */
function receive(rules: AlertRules, ...messages: readonly (readonly [subject: string, text: string])[]): string[][] {
  return messages.map(([subject, text]) =>
    rules.receive(message(text, { subject }), NOW).alerts.map(({ key }) => key).sort()
  );
}

Deno.test("AlertRules alerts each key for its own rules, with a state for each topic", () => {
  const rules = new AlertRules();
  rules.set(owner("phone"), [ruleWith({ source: { topics: ["home/+"] }, ...CHANGED })]);
  rules.set(owner("tablet"), [ruleWith({ source: { topics: ["home/a"] } })]);
  assertEquals(
    receive(rules, ["home/a", "1"], ["home/b", "2"], ["home/a", "2"], ["home/b", "2"], ["other", "3"]),
    [["tablet"], [], ["phone", "tablet"], [], []],
  );
  rules.delete("tablet");
  assertEquals([receive(rules, ["home/a", "3"]), rules.size], [[["phone"]], 1]);
});

Deno.test("AlertRules gives a key nothing that its rights do not allow, whatever its rules say", () => {
  const rules = new AlertRules();
  let right = "home/guest";
  rules.set(owner("guest", ({ subject }) => subject === right), [
    ruleWith({ name: "all", source: { topics: ["#"] } }),
    ruleWith({ name: "again", source: { topics: ["home/#"] } }),
  ]);
  assertEquals(receive(rules, ["home/guest", "1"], ["home/safe", "1"]), [["guest", "guest"], []]);
  right = "home/safe";
  assertEquals(receive(rules, ["home/guest", "2"], ["home/safe", "2"]), [[], ["guest", "guest"]]);
});

Deno.test("AlertRules keeps the state of a rule that is set again, and forgets that of another with its name", () => {
  const rules = new AlertRules();
  const rule = ruleWith(CHANGED);
  rules.set(owner("phone"), [rule]);
  receive(rules, ["a", "1"]);
  rules.set(owner("phone"), [rule, ruleWith({ name: "other", source: { topics: ["b"] } })]);
  assertEquals(receive(rules, ["a", "2"]), [["phone"]]);
  rules.set(owner("phone"), [ruleWith(CHANGED)]);
  assertEquals([receive(rules, ["a", "3"], ["a", "4"]), rules.size], [[[], ["phone"]], 1]);
  rules.set(owner("phone"), [ruleWith(), ruleWith({ source: { topics: ["b"] } })]);
  assertEquals([receive(rules, ["a", "1"], ["b", "1"]), rules.size], [[[], ["phone"]], 1]);
  rules.delete("phone");
  assertEquals([receive(rules, ["b", "2"]), rules.size], [[[]], 0]);
});

Deno.test("AlertRules keeps the states of at most 1,000 topics of a key, and tells long topics apart", () => {
  const rules = new AlertRules();
  rules.set(owner("phone"), [ruleWith({ source: { topics: ["#"] }, ...CHANGED })]);
  const long = "t".repeat(60_000);
  receive(rules, [`${long}1`, "a"], [`${long}2`, "b"]);
  assertEquals(receive(rules, [`${long}1`, "a"], [`${long}2`, "c"]), [[], ["phone"]]);
  for (let number = 0; number < 1000; number++) receive(rules, [`home/${number}`, "a"]);
  assertEquals(receive(rules, [`${long}1`, "b"], ["home/999", "b"]), [[], ["phone"]]);
});

Deno.test("AlertRules reports each alert that is held back", () => {
  const rules = new AlertRules();
  rules.set(owner("phone"), [ruleWith({ minIntervalSeconds: 60 })]);
  rules.receive(message("1"), NOW);
  const { alerts, held } = rules.receive(message("2"), NOW + 1000);
  assertEquals([alerts, held], [[], ["interval"]]);
});

Deno.test("AlertRules evaluates only the rules that a message concerns, out of 10,000", () => {
  const rules = new AlertRules();
  let asked = 0;
  for (let key = 0; key < 100; key++) {
    const list = Array.from(
      { length: 100 },
      (_, number) =>
        ruleWith({ name: `rule${number}`, source: { topics: [`home/${key}/${number}`, `home/${key}/+/state`] } }),
    );
    rules.set(owner(`key${key}`, () => (asked += 1) > 0), list);
  }
  assertEquals(rules.size, 10_000);
  assertEquals(receive(rules, ["home/5/7", "1"], ["home/5/7/other", "1"]), [["key5"], []]);
  assertEquals(asked, 1);
  const [all] = receive(rules, ["home/5/7/state", "1"]);
  assert(all?.length === 100 && all.every((key) => key === "key5"));
});
