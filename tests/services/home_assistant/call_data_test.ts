import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { ScopeError } from "../../../src/keys/rights.ts";
import { parseExact } from "../../../src/lib/exact_json.ts";
import { FieldError } from "../../../src/protocol/payload.ts";
import { authorizeCall, entitiesInData } from "../../../src/services/home_assistant/call_data.ts";
import { HOME_ASSISTANT_RIGHTS, HomeAssistantGrants } from "../../../src/services/home_assistant/rights.ts";

const HALL = new HomeAssistantGrants({ call: ["*@light.hall", "*@media_player.hall", "script.good_night"] });

const authorize = (service: string, entities: readonly string[], data: object, grants = HALL) =>
  authorizeCall(grants, { kind: "call", service, entities, data: { ...data }, wantsResponse: false });

Deno.test("authorizeCall() lets a key set fields that name no entity", () => {
  const data = {
    ...{ brightness: 5, "color_name": "red", rgb: [1, 2, 3], flash: null, transition: 2.5, text: "20.5 degrees" },
    ...{ url: "http://nas.local/x.mp3", empty: "", nested: { deep: [{ x: true }] } },
  };
  authorize("light.turn_on", ["light.hall"], data);
  authorize("light.turn_on", ["light.hall"], parseExact('{"kelvin":6066005651767221768,"x":1.0}') as object);
});

Deno.test("authorizeCall() requires each entity of the target", () => {
  assertThrows(() => authorize("light.turn_on", ["light.hall", "light.kitchen"], {}), ScopeError, "light.kitchen");
  assertThrows(() => authorize("light.turn_on", [], {}), ScopeError, "call the service light.turn_on");
});

Deno.test("authorizeCall() refuses entity_id in the fields, which would replace the target", () => {
  for (const name of ["entity_id", "Entity_ID", " entity_id"]) {
    for (const value of ["light.hall", "all", ["light.kitchen"], null]) {
      assertThrows(() => authorize("light.turn_on", ["light.hall"], { [name]: value }), FieldError, "in target");
    }
  }
});

Deno.test("authorizeCall() requires each entity that a field names, in whichever form", () => {
  const forms: readonly object[] = [
    { "group_members": ["media_player.kitchen"] },
    { "group_members": "media_player.hall, media_player.kitchen" },
    { entities: { "media_player.kitchen": "on" } },
    { entities: { "media_player.kitchen": { state: "on" } } },
    { "snapshot_entities": ["Media_Player.Kitchen"] },
    { extra: { deep: [[{ x: "media_player.kitchen" }]] } },
    { "media_content_id": "media-source://camera/camera.door" },
    { variables: { "entity_id": "lock.door" } },
    { "add_entities": ["custom_domain.thing"] },
    { "group_members": ["\u001ccustom_domain.thing\u0085"] },
    { x: "loc\u212a.door" },
  ];
  for (const data of forms) {
    assertThrows(() => authorize("media_player.join", ["media_player.hall"], data), ScopeError, "call the service");
  }
  authorize("media_player.join", ["media_player.hall"], { "group_members": ["media_player.hall"] });
  const states = { "media_player.hall": "on", "media_player.hall_entity": { state: "off" } };
  const grants = new HomeAssistantGrants({ call: ["scene.apply", "scene.apply@media_player.hall*"] });
  authorize("scene.apply", [], { entities: states }, grants);
  authorize("scene.apply", [], { entities: { "media_player.hall_entity": "off" } }, grants);
});

Deno.test("authorizeCall() requires the entities of a call without target, too", () => {
  authorize("script.good_night", [], { variables: { level: 3 } });
  assertThrows(() => authorize("script.good_night", [], { variables: { lamp: "light.hall" } }), ScopeError);
  const grants = new HomeAssistantGrants({ call: ["script.good_night", "script.good_night@light.*"] });
  authorize("script.good_night", [], { variables: { lamp: "light.hall" } }, grants);
});

Deno.test("authorizeCall() refuses areas, devices, floors, labels, nested entity_id of all, and templates, for every key", () => {
  const all = new HomeAssistantGrants(HOME_ASSISTANT_RIGHTS.all);
  const faults: readonly object[] = [
    ...["area_id", "device_id", "floor_id", "label_id", "Area_Id"].flatMap((name) => [
      { [name]: "kitchen" },
      { target: { [name]: ["kitchen"] } },
      { list: [{ [name]: null }] },
    ]),
    ...["area_ids", "device_ids"].map((name) => ({ [name]: ["kitchen"] })),
    ...["all", "none", "*", "", "light.hall, all", "light.hall|x", ["light.hall", "all"]].flatMap((value) => [
      { target: { "entity_id": value } },
      { "media_player_entity_id": value },
      { entities: value },
      { x: [{ "add_entities": value }] },
    ]),
    ...["{{ states('lock.door') }}", "{% set x = 1 %}", "a {# b #}"].flatMap((text) => [
      { message: text },
      { deep: [{ x: text }] },
      { [text]: 1 },
    ]),
  ];
  for (const data of faults) {
    assertThrows(() => authorize("notify.phone", [], data, all), FieldError, "Invalid field: data");
  }
});

Deno.test("entitiesInData() finds an entity wherever it is in the fields", () => {
  const place = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constant("light.secret"),
      fc.array(tie("value"), { minLength: 1, maxLength: 3 }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), tie("value"), { minKeys: 1, maxKeys: 3 }),
      fc.constant({ "light.secret": 1 }),
    ),
  })).value;
  fc.assert(fc.property(place, (value) => {
    assert(entitiesInData({ x: value }).has("light.secret"));
  }));
});

Deno.test("entitiesInData() refuses too many values and too many entities", () => {
  const text = Array.from({ length: 1001 }, (_, index) => `light.x${index}`).join();
  assertThrows(() => entitiesInData({ text }), FieldError, "must name at most 1000 entities");
  assertEquals(entitiesInData({ list: Array.from({ length: 4000 }, () => 1) }).size, 0);
  assertThrows(
    () => entitiesInData({ list: Array.from({ length: 6000 }, () => 1) }),
    FieldError,
    "at most 5000 values",
  );
});
