/** Entities of Home Assistant: what is shown of them, and which controls they have. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { CATALOGUE } from "../../../src/console/catalogue/catalogue.ts";
import { createFormat } from "../../../src/console/catalogue/format.ts";
import { type Control, controlsOf } from "../../../src/console/screens/home_assistant/controls.ts";
import { type Entity, readEntity } from "../../../src/console/screens/home_assistant/entity.ts";
import { groupEntities } from "../../../src/console/screens/home_assistant/groups.ts";
import { historyForm, historyPoints } from "../../../src/console/screens/home_assistant/history.ts";
import { stateWords } from "../../../src/console/screens/home_assistant/state_words.ts";
import { HOME_ASSISTANT_TEXTS } from "../../../src/console/screens/home_assistant/texts.ts";

function entity(id: string, state: string, attributes: Record<string, unknown> = {}): Entity {
  const read = readEntity(id, JSON.stringify({ state, attributes, last_changed: "2026-01-31T12:00:00Z" }));
  if (read === undefined || read === "removed") throw new Error("Not an entity");
  return read;
}

const everything = () => true;

const summary = (control: Control) =>
  control.kind === "slider"
    ? [control.name, control.min, control.max, control.step, control.value, control.call(20)]
    : control.kind === "choice"
    ? [control.name, control.values, control.value, control.call("x")]
    : control.kind === "switch"
    ? [control.on.service, control.off.service, control.isOn]
    : control.buttons.map(({ name, call, asks }) => [name, call.service, asks]);

Deno.test("readEntity() reads a state, a removal, and nothing of malformed payloads", () => {
  const { name, unit, changedAt, domain } = entity("sensor.attic", "21.5", {
    friendly_name: "Attic \u202e",
    unit_of_measurement: "°C",
  });
  assertEquals([name, unit, changedAt, domain], ["Attic ⟨U+202E⟩", "°C", Date.UTC(2026, 0, 31, 12), "sensor"]);
  assertEquals(entity("light.living_room", "on").name, "Living room");
  assertEquals(readEntity("light.hall", "null"), "removed");
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (payload) => {
    const read = readEntity("light.hall", payload);
    if (read !== undefined && read !== "removed") controlsOf(read, everything);
  }));
});

Deno.test("controlsOf() has the controls of a domain, as far as the attributes support them", () => {
  const of = (...given: Parameters<typeof entity>) => controlsOf(entity(...given), everything).map(summary);
  assertEquals(of("light.hall", "on", { supported_color_modes: ["brightness"], brightness: 128 }), [
    ["light.turn_on", "light.turn_off", true],
    ["brightness", 0, 100, 1, 50, { service: "light.turn_on", data: { brightness_pct: 20 } }],
  ]);
  assertEquals(of("light.hall", "off", { supported_color_modes: ["onoff"] }), [[
    "light.turn_on",
    "light.turn_off",
    false,
  ]]);
  assertEquals(
    of("climate.hall", "heat", { min_temp: 15, max_temp: 25, temperature: 20, hvac_modes: ["off", "heat"] }),
    [
      ["temperature", 15, 25, 0.5, 20, { service: "climate.set_temperature", data: { temperature: 20 } }],
      ["mode", ["off", "heat"], "heat", { service: "climate.set_hvac_mode", data: { hvac_mode: "x" } }],
    ],
  );
  assertEquals(of("lock.door", "locked"), [[["lock", "lock.lock", false], ["unlock", "lock.unlock", true]]]);
  assertEquals(of("cover.garage", "closed", { device_class: "garage", current_position: 0 }), [[
    ["open", "cover.open_cover", true],
    ["stop", "cover.stop_cover", false],
    ["close", "cover.close_cover", false],
  ]]);
  assertEquals(of("scene.evening", "unknown"), [[["run", "scene.turn_on", false]]]);
  assertEquals(of("select.mode", "a", { options: ["a", 1, "b"] }).map(([name, values]) => [name, values]), [[
    "option",
    ["a", "b"],
  ]]);
  assertEquals(of("number.level", "5", { min: 10, max: 1, step: 0 }), []);
  assertEquals([of("sensor.attic", "20"), of("light.hall", "unavailable")], [[], []]);
});

Deno.test("controlsOf() has only what the key may call", () => {
  const lamp = entity("light.hall", "on", { supported_color_modes: ["brightness"] });
  assertEquals(controlsOf(lamp, () => false), []);
  assertEquals(controlsOf(lamp, (service) => service === "light.turn_off").map(summary), [[[
    "off",
    "light.turn_off",
    false,
  ]]]);
});

Deno.test("stateWords() tells states in words, with units", () => {
  const words = (...given: Parameters<typeof entity>) =>
    stateWords(entity(...given), {
      common: CATALOGUE.en.home,
      own: HOME_ASSISTANT_TEXTS.en,
      format: createFormat("en"),
    });
  assertEquals(words("sensor.attic", "21.456", { unit_of_measurement: "°C" }), "21.46\u00a0°C");
  assertEquals(words("binary_sensor.door", "on", { device_class: "door" }), "Open");
  assertEquals(words("binary_sensor.move", "off", { device_class: "motion" }), "Clear");
  assertEquals(words("climate.hall", "fan_only"), "Fan only");
  assertEquals(words("sensor.text", "constructor"), "Constructor");
  assertEquals(words("scene.evening", "2026-01-31T12:00:00Z"), undefined);
});

Deno.test("historyPoints() draws numbers and on and off until now, with gaps where there is no value", () => {
  const at = (second: number) => new Date(second * 1000).toISOString();
  const past = [
    { state: "on", last_changed: at(1) },
    { state: "unavailable", last_changed: at(2) },
    { state: "20.5", last_changed: at(3) },
    { state: "off" },
  ];
  assertEquals(historyPoints(past, 9000), { times: [1000, 2000, 3000, 9000], values: [1, null, 20.5, 20.5] });
  assertEquals(historyPoints([], 9000), { times: [], values: [] });
  assertEquals(
    ["light.a", "sensor.b", "person.c"].map((id) => historyForm(entity(id, id === "sensor.b" ? "1" : "on"))),
    [
      "steps",
      "line",
      undefined,
    ],
  );
});

Deno.test("groupEntities() sorts domains as people look for them, and finds words in names and ids", () => {
  const all = [entity("zone.home", "0"), entity("sensor.b", "1"), entity("sensor.a", "1"), entity("light.hall", "on")];
  const of = (text: string) => groupEntities(all, text).map(({ domain, entities }) => [domain, entities.length]);
  assertEquals(of(""), [["light", 1], ["sensor", 2], ["zone", 1]]);
  assertEquals(of("SENSOR a"), [["sensor", 1]]);
});
