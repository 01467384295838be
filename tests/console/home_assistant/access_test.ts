/** Access to Home Assistant as the page reads it, beside the decision of the gateway. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { entityAccess } from "../../../src/console/screens/home_assistant/access.ts";
import { HomeAssistantGrants } from "../../../src/services/home_assistant/rights.ts";

const SERVICES = [
  "light.turn_on",
  "script.turn_on",
  "script.good_night",
  "homeassistant.turn_off",
  "lock.unlock",
  "scene.turn_on",
];
const ENTITIES = ["light.hall", "script.good_night", "lock.front_door", "scene.evening", undefined];
const GRANTS = [
  ...["*@*", "*@light.*", "light.*@*", "*.turn_on@*", "script.*@*", "script.good_night", "homeassistant.*@light.hall"],
  ...["lock.unlock@lock.front_door", "scene.turn_on@scene.*", "light.turn_on", "l*.*@*"],
];

Deno.test("entityAccess() allows the calls that the gateway grants, and no others", () => {
  fc.assert(fc.property(
    fc.subarray(GRANTS, { maxLength: 3 }),
    fc.constantFrom(...SERVICES),
    fc.constantFrom(...ENTITIES),
    (call, service, entity) => {
      const rights = { read: [], call };
      assertEquals(
        entityAccess({ rights: { home_assistant: rights } }).mayCall(service, entity),
        new HomeAssistantGrants(rights).mayCall(service, entity),
      );
    },
  ));
});

Deno.test("entityAccess() lists the entities and services that calls name one by one", () => {
  const call = ["light.*@light.hall", "lock.lock@light.hall", "cover.*@cover.*", "script.good_night", "script.*"];
  const { named, services } = entityAccess({ rights: { home_assistant: { read: [], call } } });
  assertEquals([named, services], [["light.hall"], ["script.good_night"]]);
});

Deno.test("entityAccess() is closed for malformed rights", () => {
  for (const rights of [undefined, null, 1, { call: "*@*", read: "*" }, { call: [1] }]) {
    const access = entityAccess({ rights: { home_assistant: rights } });
    assertEquals([access.read, access.mayCall("light.turn_on", "light.hall")], [[], false]);
  }
  assert(entityAccess({ rights: { home_assistant: { everyCall: true } } }).mayCall("lock.unlock", "lock.door"));
});
