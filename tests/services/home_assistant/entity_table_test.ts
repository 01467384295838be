import { assertEquals, assertThrows } from "@std/assert";
import { HomeAssistantHome } from "../../../src/demo/home_assistant_home.ts";
import { toCompressedState, toFullState, toStateDifference } from "../../../src/demo/home_assistant_state.ts";
import { parseExact } from "../../../src/lib/exact_json.ts";
import { ServiceError } from "../../../src/services/service.ts";
import { EntityTable } from "../../../src/services/home_assistant/entity_table.ts";
import { withoutTokens } from "../../../src/services/home_assistant/states.ts";

const makeTable = (maxBytes = 1_000_000) => new EntityTable(maxBytes);

const apply = (table: EntityTable, text: string) => {
  const event = parseExact(text);
  return table.apply(typeof event === "object" && event !== null ? { ...event } : {});
};

Deno.test("apply() makes states of the form of the REST API, and reports those that differ", () => {
  const table = makeTable();
  assertEquals(apply(table, '{"a":{"light.hall":{"s":"on","a":{"b":1},"c":"x","lc":1700000000.123456}}}'), [{
    entity: "light.hall",
    json: '{"entity_id":"light.hall","state":"on","attributes":{"b":1},' +
      '"last_changed":"2023-11-14T22:13:20.123456+00:00","last_updated":"2023-11-14T22:13:20.123456+00:00"}',
  }]);
  // A new context alone.
  assertEquals(apply(table, '{"c":{"light.hall":{"+":{"c":"y"}}}}'), []);
  assertEquals(apply(table, '{"c":{"light.hall":{"+":{"lu":1700000060,"a":{"n":2}},"-":{"a":["b"]}}}}'), [{
    entity: "light.hall",
    json: '{"entity_id":"light.hall","state":"on","attributes":{"n":2},' +
      '"last_changed":"2023-11-14T22:13:20.123456+00:00","last_updated":"2023-11-14T22:14:20+00:00"}',
  }]);
  const [change] = apply(table, '{"c":{"light.hall":{"+":{"s":"off","lc":1700000061}}}}');
  assertEquals(JSON.parse(change?.json ?? ""), {
    "entity_id": "light.hall",
    state: "off",
    attributes: { n: 2 },
    "last_changed": "2023-11-14T22:14:21+00:00",
    "last_updated": "2023-11-14T22:14:21+00:00",
  });
  assertEquals(apply(table, '{"r":["light.hall","light.other"]}'), [{ entity: "light.hall", json: undefined }]);
  assertEquals(table.bytes, 0);
});

Deno.test("apply() keeps the digits of numbers", () => {
  const table = makeTable();
  apply(table, '{"a":{"sensor.a":{"s":"1","a":{"id":6066005651767221768,"step":1.0},"lc":1}}}');
  const [change] = apply(table, '{"c":{"sensor.a":{"+":{"s":"2","lc":2}}}}');
  assertEquals(change?.json?.includes('"attributes":{"id":6066005651767221768,"step":1.0}'), true);
});

Deno.test("apply() keeps an attribute that is called __proto__ as it is", () => {
  const table = makeTable();
  apply(table, '{"a":{"sensor.a":{"s":"1","a":{"__proto__":{"x":1}},"lc":1}}}');
  const [change] = apply(table, '{"c":{"sensor.a":{"+":{"a":{"b":2}}}}}');
  assertEquals(change?.json?.includes('{"__proto__":{"x":1},"b":2}'), true);
});

Deno.test("apply() follows every change of a home to the states that its REST API has, without their tokens", () => {
  let now = 1_700_000_000_000;
  const home = new HomeAssistantHome(() => now += 1234);
  const table = makeTable();
  const states = new Map<string, unknown>();
  const follow = (event: Readonly<Record<string, unknown>>) => {
    for (const { entity, json } of table.apply(event)) {
      if (json === undefined) states.delete(entity);
      else states.set(entity, JSON.parse(json));
    }
  };
  follow({ a: Object.fromEntries(home.states().map((state) => [state.entity, toCompressedState(state)])) });
  home.onEvent((event) => {
    if (event.type !== "state_changed") return;
    const { entity, before, after } = event;
    if (after === undefined) follow({ r: [entity] });
    else if (before === undefined) follow({ a: { [entity]: toCompressedState(after) } });
    else follow({ c: { [entity]: toStateDifference(before, after) } });
  });
  home.set("light.kitchen", { state: "on", attributes: { brightness: 3 } });
  home.set("light.kitchen", { state: "on", attributes: { brightness: 4, effect: "x" } });
  home.set("sensor.new", { state: "1" });
  home.remove("sensor.power");
  const expected = home.states().map(toFullState).map(({ context: _1, last_reported: _2, ...rest }) => ({
    ...rest,
    attributes: withoutTokens(Object(rest["attributes"])),
  }));
  assertEquals(
    [...states.values()].map((state) => JSON.stringify(state)).sort(),
    expected.map((one) => JSON.stringify(one)).sort(),
  );
});

Deno.test("apply() ignores what is not the id of an entity", () => {
  const state = { s: "on", lc: 1 };
  assertEquals(makeTable().apply({ a: { "__proto__x": state, "Light.Hall": state, light: state }, r: [1, null] }), []);
});

for (
  const [what, event] of Object.entries({
    "a list of added entities": { a: [] },
    "a state that is no object": { a: { "light.a": "on" } },
    "a state without its text": { a: { "light.a": { lc: 1 } } },
    "attributes that are a list": { a: { "light.a": { s: "on", lc: 1, a: [] } } },
    "a state without time": { a: { "light.a": { s: "on" } } },
    "a time beyond all dates": { a: { "light.a": { s: "on", lc: 1e300 } } },
    "a change of an unknown entity": { c: { "light.a": { "+": { s: "on" } } } },
    "removed entities that are no list": { r: "light.a" },
  })
) {
  Deno.test(`apply() refuses ${what}`, () => {
    assertThrows(() => makeTable().apply(event), ServiceError, "Home Assistant sent ");
  });
}

Deno.test("apply() refuses more states than the limit", () => {
  const table = makeTable(1500);
  const add = (name: string) => table.apply({ a: { [name]: { s: "on", lc: 1 } } });
  for (const name of ["light.a", "light.b"]) add(name);
  // As often as it likes: they replace each other.
  for (let n = 0; n < 100; n++) table.apply({ c: { "light.a": { "+": { s: String(n) } } } });
  assertThrows(() => add("light.c"), ServiceError, "more than 1500 bytes of states");
});
