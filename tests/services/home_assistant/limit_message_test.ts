import { assertEquals, assertStrictEquals } from "@std/assert";
import * as fc from "fast-check";
import { limitState } from "../../../src/services/home_assistant/states.ts";
import { createLimitMessage } from "../../../src/services/home_assistant/limit_message.ts";

const message = (state: unknown) => ({
  position: { epoch: "epoch", offset: 1 },
  topic: "light.all",
  payload: typeof state === "string" ? state : JSON.stringify(state),
  payloadBytes: 0,
  qos: 0,
  retain: false,
  receivedAt: 0,
});

const limit = createLimitMessage((entity) => entity.startsWith("light."));

Deno.test("limitMessage() removes the names of entities that the key may not read, once for all of its listeners", () => {
  const group = message(
    '{"entity_id":"light.all","state":"20.5","attributes":{"entity_id":["light.a","lock.door"],"lock.door":1,"x":1.0}}',
  );
  const limited = limit(group);
  assertEquals(
    limited.payload,
    '{"entity_id":"light.all","state":"20.5","attributes":{"entity_id":["light.a"],"x":1.0}}',
  );
  assertEquals([limited.payloadBytes, limited.position, limited.topic], [
    String(limited.payload).length,
    group.position,
    "light.all",
  ]);
  assertStrictEquals(limit(group), limited);
  for (const names of ["light.a,lock.door", "light.a\nlock.door", "light.a\x0block.door"]) {
    const list = message({ "entity_id": "light.all", state: "on", attributes: { names } });
    assertEquals(limit(list).payload, '{"entity_id":"light.all","state":"on","attributes":{}}');
  }
});

Deno.test("limitMessage() leaves other messages as they are", () => {
  for (
    const one of [
      message({
        "entity_id": "light.all",
        state: "20.5",
        attributes: { members: ["light.a"], icon: "mdi:lamp", url: "x/lock\\.y" },
      }),
      message({ "entity_id": "light.all", state: "on", attributes: { source: "media-source://camera/camera.door" } }),
      message("null"),
    ]
  ) {
    assertStrictEquals(limit(one), one);
  }
});

Deno.test("limitMessage() has the same result as limitState()", () => {
  const mayRead = (entity: string) => entity.startsWith("light.");
  const name = fc.constantFrom("light.a", "lock.door", "custom.x", "text", "number.x", "datetime.now");
  const between = fc.string({
    unit: fc.constantFrom("\n", "\t", ",", " ", "\x0b", "\u00a0", "\\", '"', "n", "x", ".", "/"),
  });
  const text = fc.array(fc.tuple(between, name, between)).map((parts) => parts.flat().join(""));
  fc.assert(
    fc.property(fc.dictionary(text, fc.oneof(text, fc.array(text)), { noNullPrototype: true }), (attributes) => {
      const state = { "entity_id": "light.all", state: "on", attributes };
      assertEquals(limit(message(state)).payload, JSON.stringify(limitState(state, mayRead)));
    }),
  );
});

Deno.test("limitMessage() takes no longer for long texts", () => {
  for (const long of ["a".repeat(500_000), "a.".repeat(500_000), `://${":".repeat(500_000)}`, "\\".repeat(500_000)]) {
    // The quadratic time of a careless pattern would be minutes.
    const { payload } = limit(message({ "entity_id": "light.all", attributes: { long, lock: "lock.door" } }));
    assertEquals(payload, JSON.stringify({ "entity_id": "light.all", attributes: { long } }));
  }
});
