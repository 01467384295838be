/** Alerts of states, from the simulated Home Assistant. */
import { assertEquals, assertThrows } from "@std/assert";
import { parseConfig } from "../../../src/config/parse.ts";
import { Scope, ScopeError } from "../../../src/keys/rights.ts";
import { SYSTEM_CLOCK } from "../../../src/lib/clock.ts";
import { randomBytes } from "../../../src/protocol/bytes.ts";
import type { RuleEvent } from "../../../src/push/rules/rule_event.ts";
import { createStateAlertSource } from "../../../src/services/home_assistant/alert_source.ts";
import { openStateHub } from "../../../src/services/home_assistant/open_hub.ts";
import { addressOf } from "../../../src/services/home_assistant/settings.ts";
import { ServiceError } from "../../../src/services/service.ts";
import { EventEncoder } from "../../../src/streams/event_encoder.ts";
import { until } from "../../support/deadline.ts";
import { startHomeAssistant } from "../../support/home_assistant_server.ts";

const scopeOf = (...read: readonly string[]) => new Scope({ "home_assistant": { read, call: [] } });

Deno.test("the source of states passes what the key may read, and states from before as retained", async () => {
  await using port = startHomeAssistant();
  const config = parseConfig({ "HOME_ASSISTANT_URL": port.url, "HOME_ASSISTANT_TOKEN": port.token });
  const address = addressOf(config.home_assistant);
  if (address === undefined) throw new Error("Not configured");
  const none = () => {};
  const hub = openStateHub({ address, trust: undefined }, {
    ...{ config, randomBytes, now: () => Date.now(), random: () => 0 },
    encoder: new EventEncoder({ randomBytes, clock: SYSTEM_CLOCK }),
    log: { debug: none, info: none, warn: none, error: none },
    metrics: { gauge: none, counter: none },
  });
  const events: RuleEvent[] = [];
  const ended: string[] = [];
  const source = createStateAlertSource(hub, { maxEventBytes: 100_000 });
  source.listen(["light.*", "lock.front_door"], {
    ...{ owner: "guest", scope: scopeOf("light.kitchen", "lock.*"), onReady() {} },
    onEvent: (event) => events.push(event),
    onEnded: (reason) => ended.push(reason),
  });
  await until("the states", () => events.length === 2);
  port.home.set("light.living_room", { state: "off" });
  port.home.set("light.kitchen", {
    state: "on",
    attributes: { brightness: 7, "entity_id": ["light.kitchen", "light.living_room"] },
  });
  port.home.remove("lock.front_door");
  await until("the changes", () => events.length === 4);
  assertEquals(events.map(({ subject, text, isRetained }) => [subject, text, isRetained]), [
    ["light.kitchen", "off", true],
    ["lock.front_door", "locked", true],
    ["light.kitchen", "on", false],
    ["lock.front_door", undefined, false],
  ]);
  const state = JSON.parse(JSON.stringify(events[2]?.json));
  assertEquals(state.attributes, { brightness: 7, "entity_id": ["light.kitchen"] });
  hub.close(new ServiceError(503, "Test is over", { code: "restart" }));
  assertEquals(ended, ["Test is over"]);
});

Deno.test("the source of states refuses entities that the key may not read, and everything if not configured", () => {
  const hub = { subscribe: () => () => {} };
  const source = createStateAlertSource(hub, { maxEventBytes: 1000 });
  source.authorize(["light.*"], scopeOf("light.hall"));
  assertEquals(source.grantsInPart, true);
  assertThrows(() => source.authorize(["lock.*"], scopeOf("light.hall")), ScopeError, "read the entity lock.*");
  assertThrows(() => source.authorize(["light.hall"], new Scope({})), ScopeError);
  assertEquals([scopeOf("*"), scopeOf(), new Scope({})].map((scope) => source.isGranted(scope)), [true, false, false]);
  const absent = createStateAlertSource(undefined, { maxEventBytes: 1000 });
  assertThrows(() => absent.authorize(["light.hall"], scopeOf("*")), ServiceError, "HOME_ASSISTANT");
  assertEquals(absent.isGranted(scopeOf("*")), false);
});
