/**
 * Benchmarks of push rules: one message from the broker through hub, source and engine, with 10,000 rules of 200 keys,
 * beside few. At 1,000 messages a second, each microsecond is 0.1 % of a core.
 */
import { Scope } from "../../src/keys/rights.ts";
import { SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import { MemoryHistory } from "../../src/mqtt/hub/memory_history.ts";
import { BrokerPool } from "../../src/mqtt/pool.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { AlertEngine } from "../../src/push/alert_engine.ts";
import { createMqttAlertSource } from "../../src/services/mqtt/alert_source.ts";
import { MemoryPush } from "../../tests/support/memory_push.ts";
import { makeBroker } from "../../tests/support/fake_broker.ts";
import { until } from "../../tests/support/deadline.ts";

/** Rules of each key: the most by default. */
const RULES_PER_KEY = 50;

const CONDITIONS = [
  { type: "changed" },
  { type: "above", limit: 20, hysteresis: 1 },
  { type: "matches", text: "*error*", once: true },
  { type: "equals", text: "open", once: true },
];

const broker = { host: "broker", port: 1883 };
const utf8 = new TextEncoder();
const scope = new Scope({ mqtt: { publish: [], subscribe: ["#"], brokers: [] } });
const { signal: revoked } = new AbortController();

/** Makes a rule for a topic of its own, one in four with a wildcard. */
function ruleOf(key: number, number: number) {
  return {
    name: `rule-${number}`,
    source: { topics: [number % 4 === 0 ? `home/${key}/+/${number}` : `home/${key}/room/${number}`] },
    condition: CONDITIONS[number % CONDITIONS.length],
    ...number % 2 === 0 ? {} : { path: "$.value" },
    title: "{topic}",
    body: "{value} of {$.unit}",
  };
}

/** Starts an engine with rules of some keys, and returns the function by which the broker delivers a message. */
async function startEngine(keys: number, ruleFor: (key: number, number: number) => unknown, perKey = RULES_PER_KEY) {
  const { state, connect } = makeBroker();
  const brokers = new BrokerPool({
    connect,
    limits: { timeoutMs: 10_000, idleSeconds: 60, maxConnections: 1 },
    hub: {
      history: new MemoryHistory({ epoch: "bench", limits: { resumeBytes: 8 * 2 ** 20 } }),
      limits: { resumeSeconds: 60 },
      backpressure: () => undefined,
      random: () => 0,
      onFault: () => {},
    },
    clock: SYSTEM_CLOCK,
  });
  const stored = Array.from({ length: keys }, (_, key) =>
    Array.from({ length: perKey }, (_, number) => ({
      ...{ key: `key-${key}`, keyCreated: 1, name: `rule-${number}` },
      json: JSON.stringify(ruleFor(key, number)),
    }))).flat();
  const none = () => {};
  const store = new MemoryPush();
  // Not one by one: the store in memory is not made for so many.
  store.listRules = () => Promise.resolve(stored);
  store.listOwners = () => Promise.resolve(stored.filter(({ name }) => name === "rule-0"));
  const engine = new AlertEngine({
    ...{ store, randomBytes, clock: SYSTEM_CLOCK, random: () => 0, onQueued: none },
    keys: {
      hasKeysFile: true,
      list: () =>
        Array.from({ length: keys }, (_, key) => ({
          ...{ name: `key-${key}`, created: 1, kid: `kid-${key}` },
          grant: { scope, revoked },
        })),
      watch: () => none,
    },
    telemetry: { queued: none, replaced: none, dropped: none, held: none },
    log: { debug: none, info: none, warn: none, error: none },
  });
  await engine.start({ sources: [createMqttAlertSource({ brokers, broker })], actionLabel: () => undefined });
  if (engine.size !== keys * perKey) throw new Error(`${engine.size} rules are in force`);
  await until("subscribed", () => state.subscriptions.length > 0);
  return (topic: string, text: string) =>
    void state.deliver({ topic, payload: utf8.encode(text), qos: 0, retain: false });
}

/** Returns a function that delivers the next message: it concerns one rule, or none, as keys have rules of half of them. */
function passTo(deliver: (topic: string, text: string) => void): () => void {
  let count = 0;
  return () => {
    count += 1;
    deliver(`home/${count % 256}/room/${count % 80}`, `{"value":${count % 40},"unit":"°C"}`);
  };
}

const noRules = await startEngine(1, () => ({ ...ruleOf(0, 0), source: { topics: ["other"] } }), 1);
Deno.bench("a message with one rule", { group: "push rules", baseline: true }, passTo(noRules));
const few = await startEngine(2, ruleOf);
Deno.bench("a message with 100 rules", { group: "push rules" }, passTo(few));
const many = await startEngine(200, ruleOf);
Deno.bench("a message with 10,000 rules", { group: "push rules" }, passTo(many));

const door = { ...ruleOf(0, 0), source: { topics: ["home/+/door"] }, condition: { type: "above", limit: 20 } };
const all = await startEngine(200, () => door, 1);
Deno.bench("a message that concerns a rule of each of 200 keys", () => all("home/front/door", "21"));
