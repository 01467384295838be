import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { type ConditionState, parseNumber } from "../../../src/push/rules/condition.ts";
import { type Alert, evaluateRule, type HeldReason, prepareRule } from "../../../src/push/rules/evaluate.ts";
import { isQuiet } from "../../../src/push/rules/quiet_hours.ts";
import type { AlertRule } from "../../../src/push/rules/rule.ts";
import { message, NOW, ruleWith } from "../../support/push_rules.ts";

/** An event on one topic. */
interface Step {
  readonly text: string | undefined;
  readonly isRetained?: boolean;
  /** Milliseconds since the event before. */
  readonly after?: number;
}

/** What a rule did with an event. */
interface Result {
  readonly step: Step;
  readonly now: number;
  readonly alert: Alert | undefined;
  readonly held: HeldReason | undefined;
}

/** Evaluates a rule with one event after the other. */
function run(rule: AlertRule, steps: readonly Step[]): Result[] {
  const prepared = prepareRule(rule);
  let state: ConditionState | undefined;
  let now = NOW;
  return steps.map((step) => {
    now += step.after ?? 1;
    const event = message(step.text, { isRetained: step.isRetained ?? false });
    const { alert, held, ...next } = evaluateRule(prepared, state, event, now);
    state = next.state;
    assert(JSON.stringify(state).length < 200);
    return { step, now, alert: alert?.(), held };
  });
}

/** Returns the positions of the texts with an alert. */
function alerted(rule: AlertRule, texts: readonly (string | undefined)[]): number[] {
  return run(rule, texts.map((text) => ({ text }))).flatMap(({ alert }, index) => alert === undefined ? [] : [index]);
}

Deno.test("evaluateRule() fills in an alert from the rule and the event", () => {
  const rule = ruleWith({
    ...{ path: "$.battery", title: "{topic} is low", body: "{value} % in {$.room}", urgency: "high", ttlSeconds: 60 },
    ...{ topic: "battery", actions: ["light"], condition: { type: "below", limit: 20 } },
  });
  const text = '{"battery":12,"room":"Hall\\u202e\\n\\ud800"}';
  const [{ alert } = { alert: undefined }] = run(rule, [{ text }]);
  assertEquals(alert, {
    ...{ rule: "rule", subject: "a", title: "a is low", body: "12 % in Hall\ufffd\n\ufffd" },
    ...{ urgency: "high", ttlSeconds: 60, topic: "battery", actions: ["light"], at: NOW + 1 },
  });
});

Deno.test("evaluateRule() alerts with every event for any, and for texts unless once is set", () => {
  assertEquals(alerted(ruleWith(), ["a", "a", undefined]), [0, 1, 2]);
  const equals = { type: "equals", text: "open" };
  assertEquals(alerted(ruleWith({ condition: equals }), ["open", "open", "shut", "open", "open "]), [0, 1, 3]);
  const once = { ...equals, once: true };
  assertEquals(alerted(ruleWith({ condition: once }), ["open", "open", undefined, "open", "shut", "open"]), [0, 5]);
  const matches = { type: "matches", text: "*error*", once: true };
  assertEquals(alerted(ruleWith({ condition: matches }), ["ok", "an error", "error", "ok", "errors"]), [1, 4]);
});

Deno.test("evaluateRule() alerts once above a limit, until the value was back by the hysteresis", () => {
  const above = ruleWith({ condition: { type: "above", limit: 20, hysteresis: 2 } });
  assertEquals(
    alerted(above, ["20", "20.1", "25", "18.1", "21", "18", "21", "", "on", "NaN", "0x20", "1e1", "2.1e1"]),
    [
      ...[1, 6, 12],
    ],
  );
  const below = ruleWith({ condition: { type: "below", limit: 0 } });
  assertEquals(alerted(below, ["0", "-0.5", "-3", "0", "-1"]), [1, 4]);
});

Deno.test("evaluateRule() alerts when the value differs from the one that the device knows", () => {
  const rule = ruleWith({ condition: { type: "changed" } });
  const long = "x".repeat(10_000);
  assertEquals(alerted(rule, ["a", "a", "b", "b", "a", long, long, `${long}y`, undefined, `${long}y`]), [2, 4, 5, 7]);
  const held = ruleWith({ condition: { type: "changed" }, minIntervalSeconds: 60 });
  const steps = ["a", "b", "c", "b", "c", "c"].map((text) => ({ text, after: 20_000 }));
  assertEquals(run(held, steps).map(({ alert, held }) => alert?.body ?? held), [
    ...[undefined, "b", "interval", undefined, "c", undefined],
  ]);
});

Deno.test("evaluateRule() never alerts for a retained message, and begins with what it shows", () => {
  const kept = { text: "21", isRetained: true };
  const conditions = [
    { type: "any" },
    { type: "changed" },
    { type: "equals", text: "21", once: true },
    { type: "above", limit: 20 },
  ];
  for (const condition of conditions) {
    const rule = ruleWith({ condition });
    assertEquals(run(rule, [kept, kept, { ...kept, text: "22" }]).filter(({ alert }) => alert !== undefined), []);
    const [, live] = run(rule, [kept, { text: "21" }]);
    assertEquals(live?.alert !== undefined, condition.type === "any", condition.type);
  }
  // The broker was connected again: the device does not know of the change yet.
  const [, , live] = run(ruleWith({ condition: { type: "changed" } }), [kept, { ...kept, text: "22" }, { text: "22" }]);
  assertEquals(live?.alert?.body, "22");
});

Deno.test("evaluateRule() keeps a condition due while the interval or quiet hours hold its alert back", () => {
  const above = { type: "above", limit: 20 };
  const rule = ruleWith({ condition: above, minIntervalSeconds: 60 });
  const steps = ["21", "19", "22", "23", "24"].map((text) => ({ text, after: 20_000 }));
  assertEquals(run(rule, steps).map(({ alert, held }) => alert?.body ?? held), [
    ...["21", undefined, "interval", "23", undefined],
  ]);
  const quietHours = { from: "12:00", to: "12:01", timeZone: "UTC" };
  const quiet = run(
    ruleWith({ condition: above, quietHours }),
    steps.slice(2).map((step) => ({ ...step, after: 25_000 })),
  );
  assertEquals(quiet.map(({ alert, held }) => alert?.body ?? held), ["quiet", "quiet", "24"]);
});

Deno.test("evaluateRule() does not wait for a clock that was set back", () => {
  const rule = ruleWith({ minIntervalSeconds: 60 });
  const results = run(rule, [{ text: "a" }, { text: "b", after: -3_600_000 }, { text: "c", after: 30_000 }]);
  assertEquals(results.map(({ alert, held }) => alert?.body ?? held), ["a", "b", "interval"]);
});

Deno.test("evaluateRule() returns the same state while nothing changes", () => {
  const prepared = prepareRule(ruleWith({ condition: { type: "above", limit: 20 } }));
  const { state } = evaluateRule(prepared, undefined, message("21"), NOW);
  assertStrictEquals(evaluateRule(prepared, state, message("22"), NOW + 1).state, state);
  assertStrictEquals(evaluateRule(prepared, state, message(undefined), NOW + 1).state, state);
});

Deno.test("evaluateRule() ignores texts that are too long to compare, but not their events", () => {
  const long = "x".repeat(16_385);
  assertEquals(alerted(ruleWith({ condition: { type: "matches", text: "*" } }), [long, long.slice(1)]), [1]);
  assertEquals(alerted(ruleWith(), [long]), [0]);
});

const steps = fc.array(
  fc.record({
    text: fc.oneof(fc.integer({ min: 0, max: 10 }).map(String), fc.constantFrom(undefined, "on", "")),
    isRetained: fc.boolean(),
    after: fc.constantFrom(0, 1000, 20_000, 3_600_000),
  }),
  { maxLength: 40 },
);

const live = (results: readonly Result[]) => results.filter(({ step }) => step.isRetained !== true);

Deno.test("alerts of any sequence keep the interval, the quiet hours, and retained messages silent", () => {
  const conditions = fc.constantFrom<unknown>(
    ...[{ type: "any" }, { type: "changed" }, { type: "equals", text: "3" }, {
      type: "matches",
      text: "*1*",
      once: true,
    }],
    ...[{ type: "above", limit: 5, hysteresis: 2 }, { type: "below", limit: 5 }],
  );
  const quietHours = { from: "20:00", to: "04:00", timeZone: "UTC" };
  fc.assert(fc.property(conditions, steps, fc.constantFrom(0, 30), (condition, steps, minIntervalSeconds) => {
    const rule = ruleWith({ condition, minIntervalSeconds, quietHours });
    const results = run(rule, steps);
    const times = results.filter(({ alert }) => alert !== undefined).map(({ now }) => now);
    for (const [index, time] of times.entries()) {
      assert(index === 0 || time - (times[index - 1] ?? 0) >= minIntervalSeconds * 1000);
      assert(!isQuiet({ from: 1200, to: 240, timeZone: "UTC" }, time));
    }
    for (const { step, alert, held } of results) {
      assert(alert === undefined || held === undefined);
      if (step.isRetained) assertEquals([alert, held], [undefined, undefined]);
    }
  }));
});

Deno.test("a threshold alerts at the first value beyond it, after each that was back by the hysteresis", () => {
  fc.assert(fc.property(steps, fc.constantFrom(0, 2), (steps, hysteresis) => {
    const results = run(ruleWith({ condition: { type: "above", limit: 5, hysteresis } }), steps);
    // A text that is no number changes nothing.
    const numbers = results.map((result) => ({ ...result, value: parseNumber(result.step.text ?? "") }));
    let isArmed: boolean | undefined;
    for (const { step, alert, value } of numbers) {
      const isBeyond = value !== undefined && value > 5;
      const isExpected = isBeyond && step.isRetained !== true && isArmed !== false;
      assertEquals(alert !== undefined, isExpected);
      if (isExpected || (isBeyond && isArmed === undefined)) isArmed = false;
      else if (value !== undefined && value <= 5 - hysteresis) isArmed = true;
    }
  }));
});

Deno.test("the alerts of changes are the live values without repetitions, beginning after the first value", () => {
  fc.assert(fc.property(steps, (steps) => {
    const results = run(ruleWith({ condition: { type: "changed" } }), steps);
    const [first, ...rest] = results.filter(({ step }) => step.text !== undefined);
    const expected: (string | undefined)[] = [first?.step.text];
    for (const { step } of live(rest)) if (step.text !== expected.at(-1)) expected.push(step.text);
    assertEquals(results.flatMap(({ alert }) => alert === undefined ? [] : [alert.body]), expected.slice(1));
  }));
});
