import { assert, assertEquals, assertThrows } from "@std/assert";
import { ScopeError } from "../../../src/keys/rights.ts";
import { MQTT_RIGHTS, MqttGrants } from "../../../src/services/mqtt/rights.ts";
import { type FlatRights, mqttRights } from "../../support/rights.ts";

const grantsOf = (rights: FlatRights) => new MqttGrants(mqttRights(rights));

function allows(ask: () => void): boolean {
  try {
    ask();
    return true;
  } catch (error) {
    assert(error instanceof ScopeError);
    return false;
  }
}

Deno.test("MqttGrants grants nothing that its rights do not name", () => {
  const grants = grantsOf({});
  for (const ask of [() => grants.publish("a"), () => grants.subscribe("a"), () => grants.nameBroker("broker", 1883)]) {
    assertThrows(ask, ScopeError, "This key may not ");
  }
  assertEquals(grants.mayReceive("a"), false);
});

Deno.test("MqttGrants of all rights grants everything", () => {
  const grants = new MqttGrants(MQTT_RIGHTS.all);
  grants.publish("a/b");
  grants.subscribe("#");
  grants.nameBroker("anywhere", 1);
  assertEquals(grants.mayReceive("a"), true);
});

Deno.test("publish() and subscribe() are granted separately, and received messages are checked by the right to subscribe", () => {
  const grants = grantsOf({ publish: ["home/+/set"], subscribe: ["home/+/temp"] });
  assertEquals(allows(() => grants.publish("home/light/set")), true);
  assertEquals(allows(() => grants.publish("home/light/temp")), false);
  assertEquals(allows(() => grants.subscribe("home/#")), false);
  assertEquals(allows(() => grants.subscribe("home/kitchen/temp")), true);
  assertEquals([grants.mayReceive("home/kitchen/temp"), grants.mayReceive("home/light/set")], [true, false]);
});

Deno.test("nameBroker() grants the brokers of its list, by name, network and port", () => {
  const grants = grantsOf({ brokers: ["broker.lan:1883", "10.0.0.0/8"] });
  assertEquals(allows(() => grants.nameBroker("broker.lan", 1883)), true);
  assertEquals(allows(() => grants.nameBroker("broker.lan", 1884)), false);
  assertEquals(allows(() => grants.nameBroker("10.1.2.3", 9)), true);
  assertEquals(allows(() => grants.nameBroker("11.1.2.3", 9)), false);
});
