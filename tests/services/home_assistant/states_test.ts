import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { limitState, limitStates, limitValue } from "../../../src/services/home_assistant/states.ts";

const mayReadLights = (entity: string) => entity.startsWith("light.");

const state = (entity: unknown, attributes: unknown = {}) => ({ "entity_id": entity, state: "on", attributes });

Deno.test("limitStates() keeps the states that may be read", () => {
  const states = [state("light.hall"), state("lock.door"), state("light.kitchen")];
  assertEquals(limitStates(states, mayReadLights)?.map((one) => one.entity_id), ["light.hall", "light.kitchen"]);
  assertEquals(
    limitStates([1, null, "light.hall", {}, state(1), state("Light.hall"), [state("light.x")]], () => true),
    [],
  );
  for (const value of [null, {}, "x", undefined]) assertEquals(limitStates(value, () => true), undefined);
});

Deno.test("limitState() passes the members of a state on, and not who caused it", () => {
  const full = { ...state("light.hall"), "last_changed": "t", context: { "user_id": "u" }, other: 1 };
  assertEquals(limitState(full, mayReadLights), { ...state("light.hall"), "last_changed": "t" });
});

Deno.test("limitState() removes tokens and addresses with tokens", () => {
  const attributes = {
    "access_token": "secret",
    "entity_picture": "/api/camera_proxy/light.hall?token=secret",
    "entity_picture_local": "/api/media_player_proxy/x?cache=1&token=secret",
    stream: "/api/hls/x?authSig=secret",
    "video_url": "/api/camera_proxy_stream/x?access_token=secret",
    source: "rtsp://admin:secret@192.168.1.9/live",
    "user_id": "secret",
    page: "http://192.168.1.9:8080/a@b",
    "friendly_name": "Hall",
    list: ["/x?token=secret", "y"],
  };
  assertEquals(limitState(state("light.hall", attributes), () => true)?.["attributes"], {
    page: "http://192.168.1.9:8080/a@b",
    "friendly_name": "Hall",
    list: ["y"],
  });
});

Deno.test("limitState() removes the names of entities that may not be read, and no other texts", () => {
  const attributes = {
    "entity_id": ["light.hall", "lock.door"],
    source: "device_tracker.phone",
    lights: "light.hall, light.kitchen",
    all: "light.hall, lock.door",
    lines: ["light.hall\nlock.door"],
    version: "v1.2",
    nested: { "lock.door": 1, "light.hall": 2, deep: [{ x: "lock.door" }] },
    number: 20.5,
    nothing: null,
  };
  assertEquals(limitState(state("light.group", attributes), mayReadLights)?.["attributes"], {
    "entity_id": ["light.hall"],
    lights: "light.hall, light.kitchen",
    lines: [],
    version: "v1.2",
    nested: { "light.hall": 2, deep: [{}] },
    number: 20.5,
    nothing: null,
  });
});

Deno.test("limitValue() leaves no name of an entity that may not be read as a text of its own", () => {
  const value = fc.json().map((text) => JSON.parse(text));
  const names = fc.constantFrom("lock.door", "light.hall", "sensor.x");
  fc.assert(fc.property(value, fc.array(names), names, (any, list, name) => {
    const limited = JSON.stringify(limitValue({ any, list, name, [name]: list, deep: [{ list }] }, mayReadLights));
    assert(!limited.includes('"lock.door"') && !limited.includes('"sensor.x"'));
  }));
});
