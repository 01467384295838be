import { assert, assertEquals, assertThrows } from "@std/assert";
import { Scope, ScopeError } from "../../../src/keys/rights.ts";
import { BrokerError } from "../../../src/mqtt/broker.ts";
import type { AlertSource } from "../../../src/push/alert_source.ts";
import type { RuleEvent } from "../../../src/push/rules/rule_event.ts";
import { SourceListening } from "../../../src/push/source_listening.ts";
import { createMqttAlertSource } from "../../../src/services/mqtt/alert_source.ts";
import type { Brokers } from "../../../src/services/mqtt/service.ts";
import { ServiceError } from "../../../src/services/service.ts";
import { DELIVERY_MODES, HubEnvironment } from "../../support/hub.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const broker = { host: "broker", port: 1883 };

const scopeOf = (...subscribe: readonly string[]) => new Scope({ mqtt: { publish: [], subscribe, brokers: [] } });

/** Listens to a source, and records the events. */
function record(from: Brokers["listen"] | AlertSource, select: readonly string[], scope: Scope) {
  const events: RuleEvent[] = [];
  const ended: string[] = [];
  const source = typeof from === "function" ? createMqttAlertSource({ brokers: { listen: from }, broker }) : from;
  const stop = source.listen(select, {
    ...{ owner: "phone", scope, onReady() {} },
    onEvent: (event) => events.push(event),
    onEnded: (reason) => ended.push(reason),
  });
  return {
    ...{ events, ended, stop },
    texts: () => events.map(({ subject, text, isRetained }) => `${subject}=${text}${isRetained ? " retained" : ""}`),
  };
}

Deno.test("the source of MQTT passes messages, with retained ones marked, to all keys as the same event", async () => {
  await using environment = new HubEnvironment();
  const source = createMqttAlertSource({
    brokers: { listen: (_address, subscriber) => environment.hub.subscribe(subscriber) },
    broker,
  });
  environment.broker.publish("home/a", "old", { retain: true });
  const first = record(source, ["home/#"], scopeOf("#"));
  const second = record(source, ["home/#"], scopeOf("home/#", "other"));
  await environment.passBatchTime();
  environment.broker.publish("home/a", '{"value":1}');
  environment.broker.publish("home/b", "new");
  assertEquals(first.texts(), ["home/a=old retained", 'home/a={"value":1}', "home/b=new"]);
  assertEquals(second.texts(), first.texts());
  const [event] = first.events.filter(({ isRetained }) => !isRetained);
  assert(event === second.events[1]);
  assertEquals([event?.kind, event?.json], ["topics", { value: 1 }]);
  first.stop();
  environment.broker.publish("home/b", "later");
  assertEquals(first.texts().length, 3);
});

Deno.test("the source of MQTT refuses filters beyond the rights, and passes no message beyond them", () => {
  const source = createMqttAlertSource({ brokers: { listen: () => () => {} }, broker });
  assertThrows(() => source.authorize(["home/a", "#"], scopeOf("home/#")), ScopeError, "subscribe to #");
  assertThrows(() => source.authorize(["a"], new Scope({})), ScopeError, "use the service mqtt");
  assertEquals([scopeOf("a"), scopeOf(), new Scope({})].map((scope) => source.isGranted(scope)), [true, false, false]);
  assertThrows(() => record(() => () => {}, ["#"], scopeOf("a")), ScopeError);
  // A broker that matches differently.
  let texts: readonly string[] = [];
  const listen: Brokers["listen"] = (_address, subscriber) => {
    const message = { payload: "1", payloadBytes: 1, qos: 0, retain: false, receivedAt: 0 } as const;
    for (const topic of ["A", "a"]) {
      subscriber.message({ ...message, topic, position: { epoch: "e", offset: 1 } }, false);
    }
    return () => {};
  };
  texts = record(listen, ["a"], scopeOf("a")).texts();
  assertEquals(texts, ["a=1"]);
});

Deno.test("the source of MQTT has no text of messages that are not text, or were left out as too large", () => {
  const listen: Brokers["listen"] = (_address, subscriber) => {
    const message = { payloadBytes: 1, qos: 0, retain: false, receivedAt: 0, topic: "a" } as const;
    const position = { epoch: "e", offset: 1 };
    subscriber.message({ ...message, position, payload: new Uint8Array([255]) }, false);
    subscriber.message({ ...message, position, payload: "", isOmitted: true }, false);
    return () => {};
  };
  assertEquals(record(listen, ["a"], scopeOf("a")).texts(), ["a=undefined", "a=undefined"]);
});

Deno.test("the source of MQTT ends while the broker is unreachable, and is refused with too many filters", async () => {
  await using environment = new HubEnvironment();
  environment.broker.isReachable = false;
  const { ended } = record((_address, subscriber) => environment.hub.subscribe(subscriber), ["a"], scopeOf("#"));
  await environment.passBatchTime();
  assertEquals(ended, ["Broker unreachable"]);
  const refuse = () => {
    throw new BrokerError("Too many topic filters");
  };
  assertThrows(() => record(refuse, ["a"], scopeOf("#")), ServiceError, "Too many topic filters");
});

for (const mode of DELIVERY_MODES) {
  Deno.test(`no message is missed or passed twice while a key selects more or less, with ${mode}`, async () => {
    await using environment = new HubEnvironment();
    const { broker: fake, hub } = environment;
    fake.deliveryMode = mode;
    const received: string[] = [];
    const listening = new SourceListening({
      source: createMqttAlertSource({
        brokers: { listen: (_address, subscriber) => hub.subscribe(subscriber) },
        broker,
      }),
      ...{ owner: "phone", clock: new ManualClock(), random: () => 0, log: { info() {}, warn() {} } },
      onEvent: ({ text }) => received.push(String(text)),
    });
    const scope = scopeOf("#");
    listening.select(["a"], scope);
    await environment.passBatchTime();
    const expected: string[] = [];
    const publish = (text: string) => {
      fake.publish("a", text);
      expected.push(text);
    };
    for (const [index, select] of [["a", "b"], ["+", "a"], ["a"], ["+"], ["#", "+"]].entries()) {
      publish(`${index} before`);
      fake.sendsAtOnce = false;
      fake.readsAtOnce = false;
      listening.select(select, scope);
      publish(`${index} at once`);
      await environment.passBatchTime();
      publish(`${index} before SUBSCRIBE has arrived`);
      fake.read();
      publish(`${index} after`);
      fake.send();
      await environment.passBatchTime();
      publish(`${index} granted`);
    }
    assertEquals(received, expected);
    listening.stop();
  });
}
