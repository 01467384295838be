import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FieldError } from "../../../src/protocol/payload.ts";
import { type AlertRule, parseRule } from "../../../src/push/rules/rule.ts";

const LEAST = { name: "door", source: { topics: ["home/+/door"] }, condition: { type: "any" }, title: "Door" };

Deno.test("parseRule() fills in the defaults of a rule", () => {
  const expected: AlertRule = {
    name: "door",
    source: { kind: "topics", select: ["home/+/door"] },
    condition: { type: "any" },
    title: ["Door"],
    body: [{ fill: "value" }],
    urgency: "normal",
    ttlSeconds: 86_400,
    minIntervalSeconds: 0,
    actions: [],
  };
  assertEquals(parseRule(LEAST), expected);
});

Deno.test("parseRule() reads every field", () => {
  const rule = parseRule({
    ...LEAST,
    source: { entities: ["sensor.*_battery", "light.hall", "*"] },
    path: "$.attributes['level']",
    condition: { type: "below", limit: 20, hysteresis: 5 },
    title: "Battery of {topic}",
    body: "{value} %\n{$.state}",
    urgency: "high",
    ttlSeconds: 0,
    topic: "battery-1_A",
    minIntervalSeconds: 3600,
    quietHours: { from: "22:00", to: "07:30", timeZone: "Europe/Paris" },
    actions: ["light-on", "gate.open"],
  });
  assertEquals(rule, {
    name: "door",
    source: { kind: "entities", select: ["sensor.*_battery", "light.hall", "*"] },
    path: ["attributes", "level"],
    condition: { type: "below", limit: 20, hysteresis: 5 },
    title: ["Battery of ", { fill: "topic" }],
    body: [{ fill: "value" }, " %\n", { fill: ["state"] }],
    urgency: "high",
    ttlSeconds: 0,
    topic: "battery-1_A",
    minIntervalSeconds: 3600,
    quietHours: { from: 1320, to: 450, timeZone: "Europe/Paris" },
    actions: ["light-on", "gate.open"],
  });
});

Deno.test("parseRule() names the field that is missing or wrong", () => {
  const { title: _, ...untitled } = LEAST;
  const entities = (...list: unknown[]) => ({ ...LEAST, source: { entities: list } });
  const cases: readonly (readonly [value: unknown, message: string])[] = [
    [undefined, "Missing required field: rule"],
    [[], "Invalid field: rule: must be an object"],
    [untitled, "Missing required field: rule.title"],
    [{ ...LEAST, minInterval: 5 }, "Invalid field: rule.minInterval: there is no such field"],
    [{ ...LEAST, [`\u001b[2J${"x".repeat(9999)}`]: 1 }, `rule.\ufffd[2J${"x".repeat(59)}…: there is no such field`],
    [{ ...LEAST, name: "a b" }, "Invalid field: rule.name: must be 1 to 64"],
    [{ ...LEAST, source: {} }, "Invalid field: rule.source: must have exactly one of"],
    [{ ...LEAST, source: { topics: ["a"], health: ["*"] } }, "Invalid field: rule.source: must have exactly one of"],
    [{ ...LEAST, source: { topics: [] } }, "Invalid field: rule.source.topics: must be a list of 1 to 20"],
    [{ ...LEAST, source: { topics: Array(21).fill("a") } }, "Invalid field: rule.source.topics: must be a list"],
    [{ ...LEAST, source: { topics: ["a/#/b"] } }, 'Invalid field: rule.source.topics.0: may have "#" only'],
    [{ ...LEAST, source: { topics: ["$SYS/#"] } }, "Invalid field: rule.source.topics.0: must not start with"],
    [{ ...LEAST, source: { topics: ["$share/g/a"] } }, "Invalid field: rule.source.topics.0: must not start with"],
    [{ ...LEAST, source: { topics: ["a".repeat(1001)] } }, "Invalid field: rule.source.topics.0: must have at most"],
    [entities("Light.hall"), "Invalid field: rule.source.entities.0: must be a pattern of entities"],
    [entities("a.b.c"), "Invalid field: rule.source.entities.0: must be a pattern of entities"],
    [entities("*.*_*_*"), "Invalid field: rule.source.entities.0: must be a pattern of entities"],
    [{ ...LEAST, source: { health: ["Broker"] } }, "Invalid field: rule.source.health.0: must be the name"],
    [{ ...LEAST, path: "battery" }, "Invalid field: rule.path: must be a path such as $.battery"],
    [{ ...LEAST, condition: { type: "regex" } }, "must be any, changed, equals, matches, above or below"],
    [{ ...LEAST, condition: { type: "equals" } }, "Missing required field: rule.condition.text"],
    [{ ...LEAST, condition: { type: "matches", text: "*".repeat(9) } }, "Invalid field: rule.condition.text: must be"],
    [
      { ...LEAST, condition: { type: "above", limit: Infinity } },
      "Invalid field: rule.condition.limit: must be a number",
    ],
    [{ ...LEAST, condition: { type: "above", limit: "1" } }, "Invalid field: rule.condition.limit: must be a number"],
    [
      { ...LEAST, condition: { type: "below", limit: 1, hysteresis: -1 } },
      "Invalid field: rule.condition.hysteresis: must be at least 0",
    ],
    [
      { ...LEAST, condition: { type: "any", once: true } },
      "Invalid field: rule.condition.once: there is no such field",
    ],
    [{ ...LEAST, title: "{name}" }, "Invalid field: rule.title: may have {value}, {topic}"],
    [{ ...LEAST, title: "a\nb" }, "Invalid field: rule.title: must be a text"],
    [{ ...LEAST, body: "a\u0007" }, "Invalid field: rule.body: must be a text"],
    [{ ...LEAST, urgency: "urgent" }, "Invalid field: rule.urgency: must be very-low"],
    [{ ...LEAST, ttlSeconds: 2_419_201 }, "Invalid field: rule.ttlSeconds: must be a whole number of seconds"],
    [{ ...LEAST, minIntervalSeconds: 0.5 }, "Invalid field: rule.minIntervalSeconds: must be a whole number"],
    [{ ...LEAST, topic: "a".repeat(33) }, "Invalid field: rule.topic: must be 1 to 32"],
    [{ ...LEAST, topic: "a=" }, "Invalid field: rule.topic: must be 1 to 32"],
    [
      { ...LEAST, quietHours: { from: "22:00", to: "22:00", timeZone: "UTC" } },
      "Invalid field: rule.quietHours: must have two different times",
    ],
    [
      { ...LEAST, quietHours: { from: "22:00", to: "07:00", timeZone: "Mars/Base" } },
      "Invalid field: rule.quietHours.timeZone: must be a time zone",
    ],
    [{ ...LEAST, actions: ["a", "a"] }, "Invalid field: rule.actions: must be a list of at most 3"],
    [{ ...LEAST, actions: ["a", "b", "c", "d"] }, "Invalid field: rule.actions: must be a list of at most 3"],
  ];
  for (const [value, message] of cases) assertThrows(() => parseRule(value), FieldError, message, message);
});

Deno.test("parseRule() reads a rule or throws a FieldError, whatever it gets", () => {
  const any = fc.anything();
  const values = fc.oneof(
    any,
    fc.record({
      ...{ name: fc.oneof(fc.constant("a"), any), source: fc.oneof(fc.constant(LEAST.source), any), title: any },
      condition: fc.oneof(
        fc.constant(LEAST.condition),
        fc.record({ type: fc.constantFrom("equals", "above"), text: any }),
      ),
      ...{ quietHours: any, actions: any, path: any, body: any },
    }, { requiredKeys: ["name", "source", "condition"] }),
  );
  fc.assert(
    fc.property(values, (value) => {
      try {
        parseRule(value);
      } catch (error) {
        assert(error instanceof FieldError, String(error));
      }
    }),
    { numRuns: 200 },
  );
});
