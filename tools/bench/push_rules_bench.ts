/** Benchmarks of push rules: a message with 10,000 rules of 100 keys, beside one with few. */
import { AlertRules } from "../../src/push/rules/alert_rules.ts";
import { parseRule } from "../../src/push/rules/rule.ts";
import { TextEvent } from "../../src/push/rules/rule_event.ts";

/** Keys, with a hundred rules each. */
const KEYS = 100;

/** Time of all messages, in milliseconds since 1970. */
const NOW = Date.parse("2027-01-31T12:00:00Z");

/** Makes rules for topics of their own key, with each kind of condition. */
function filled(keys: number): AlertRules {
  const conditions = [
    { type: "changed" },
    { type: "above", limit: 20, hysteresis: 1 },
    { type: "matches", text: "*error*", once: true },
    { type: "equals", text: "open", once: true },
  ];
  const rules = new AlertRules();
  for (let key = 0; key < keys; key++) {
    const list = Array.from({ length: 100 }, (_, number) =>
      parseRule({
        name: `rule-${number}`,
        source: { topics: [number % 4 === 0 ? `home/${key}/+/${number}` : `home/${key}/room/${number}`] },
        condition: conditions[number % conditions.length],
        path: number % 2 === 0 ? undefined : "$.value",
        title: "{topic}",
        body: "{value} of {$.unit}",
      }));
    rules.set({ key: `key-${key}`, mayReceive: () => true }, list);
  }
  return rules;
}

/** Returns a function that passes the next message to rules: it concerns one rule, or none. */
function passTo(rules: AlertRules): () => void {
  let count = 0;
  return () => {
    count += 1;
    const subject = `home/${count % 128}/room/${count % 160}`;
    const text = `{"value":${count % 40},"unit":"°C"}`;
    rules.receive(new TextEvent({ kind: "topics", subject, text, isRetained: false }), NOW);
  };
}

Deno.bench("a message with 100 rules", { group: "push rules", baseline: true }, passTo(filled(1)));
Deno.bench("a message with 10,000 rules", { group: "push rules" }, passTo(filled(KEYS)));

const concerned = new AlertRules();
for (let key = 0; key < KEYS; key++) {
  const rule = parseRule({
    ...{ name: "rule", source: { topics: ["home/+/door"] }, condition: { type: "equals", text: "open" } },
    ...{ title: "{topic}", minIntervalSeconds: 60 },
  });
  concerned.set({ key: `key-${key}`, mayReceive: () => true }, [rule]);
}
const open = new TextEvent({ kind: "topics", subject: "home/front/door", text: "open", isRetained: false });
Deno.bench("a message that concerns a rule of each of 100 keys", () => void concerned.receive(open, NOW));
