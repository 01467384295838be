import { assertEquals, assertThrows } from "@std/assert";
import { FieldError, type Payload } from "../../../src/protocol/payload.ts";
import { parseHomeAssistantRequest } from "../../../src/services/home_assistant/request.ts";

const NOW = Date.UTC(2026, 0, 31, 12);

const parse = (payload: Payload) => parseHomeAssistantRequest(payload, NOW);

const refused = (payload: Payload, message: string) => assertThrows(() => parse(payload), FieldError, message);

Deno.test("parseHomeAssistantRequest() reads a call with its target, fields and return_response", () => {
  const data = { brightness: 5 };
  const call = { call: "light.turn_on", target: { "entity_id": "light.hall" }, data, "return_response": true };
  assertEquals(parse(call), {
    kind: "call",
    service: "light.turn_on",
    entities: ["light.hall"],
    data,
    wantsResponse: true,
  });
  assertEquals(parse({ call: "script.good_night", target: null, data: null, states: null }), {
    kind: "call",
    service: "script.good_night",
    entities: [],
    data: {},
    wantsResponse: false,
  });
});

Deno.test("parseHomeAssistantRequest() needs exactly one kind of request", () => {
  const message = "A request needs exactly one of the fields call, states, state, history, camera";
  for (const payload of [{}, { states: ["*"], state: "light.hall" }, { call: "a.b", camera: "camera.x" }]) {
    refused(payload, message);
  }
});

Deno.test("parseHomeAssistantRequest() refuses targets other than entities, and all and none", () => {
  for (const name of ["area_id", "device_id", "floor_id", "label_id", "ENTITY_ID"]) {
    for (const target of [{ [name]: "x" }, { [name]: ["x"], "entity_id": "light.hall" }]) {
      refused({ call: "light.turn_on", target }, "Invalid field: target: ");
    }
  }
  for (
    const id of ["all", "none", "Light.hall", "light.*", "light.a,light.b", "", [], ["light.a", "all"], {}, null, 1]
  ) {
    refused({ call: "light.turn_on", target: { "entity_id": id } }, "Invalid field: target: ");
  }
  refused({ call: "light.turn_on", target: "light.hall" }, "Invalid field: target: must be an object");
});

Deno.test("parseHomeAssistantRequest() refuses services and fields in any other form", () => {
  for (const call of ["light", "light/turn_on", "Light.turn_on", "light.turn_on ", "../x.y", "*", 1, ["a.b"], ""]) {
    assertThrows(() => parse({ call }), FieldError);
  }
  for (const data of [[], "x", 1]) refused({ call: "a.b", data }, "Invalid field: data: must be an object");
  refused({ call: "a.b", return_response: "yes" }, "Invalid field: return_response: must be true or false");
  refused({ camera: "light.hall" }, "Invalid field: camera: must be the id of a camera");
  for (const states of [[], "light.*", ["Light.*"], [1]]) refused({ states }, "Invalid field: states: ");
  refused({ state: "light.*" }, "Invalid field: state: must be the id of an entity");
});

Deno.test("parseHomeAssistantRequest() reads times as seconds and as ISO 8601 with an offset", () => {
  const entities = ["sensor.x"];
  const start = Date.UTC(2026, 0, 30);
  for (const text of [start / 1000, "2026-01-30", "2026-01-30T00:00Z", "2026-01-30T01:00:00.000+01:00"]) {
    assertEquals(parse({ history: { entities, start: text } }), {
      kind: "history",
      entities,
      start,
      end: NOW,
      withAttributes: false,
    });
  }
  for (
    const text of [
      "2026-01-30T00:00",
      "yesterday",
      "",
      -1,
      start,
      null,
      "2026-13-01",
      "2026-02-30",
      "2026-02-30T00:00:00Z",
      "2026-01-30T00:00Z&x=1",
    ]
  ) {
    refused({ history: { entities, start: text } }, "Invalid field: history: ");
  }
});

Deno.test("parseHomeAssistantRequest() refuses a history that ends before it begins, is too long, or of too many entities", () => {
  const entities = ["sensor.x"];
  refused({ history: { entities, start: "2026-02-01" } }, "end must be after start");
  refused({ history: { entities, start: "2025-01-01" } }, "must be of at most 31 days");
  refused({ history: { entities, start: "2025-01-01", end: "2025-02-03" } }, "must be of at most 31 days");
  const many = Array.from({ length: 51 }, (_, index) => `sensor.x${index}`);
  refused({ history: { entities: many, start: "2026-01-30" } }, "must be a list of 1 to 50");
  refused({ history: { entities: [], start: "2026-01-30" } }, "must be a list of 1 to 50");
  refused({ history: { entities, start: "2026-01-30", filter: "x" } }, "Invalid field: history");
});
