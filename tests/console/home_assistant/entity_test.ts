/** Entities of Home Assistant: what is shown of them, and which controls they have. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { CATALOGUE } from "../../../src/console/catalogue/catalogue.ts";
import { createFormat } from "../../../src/console/catalogue/format.ts";
import { findCards } from "../../../src/console/components/card_groups.ts";
import { cardGroups } from "../../../src/console/screens/home_assistant/cards.ts";
import type { Control } from "../../../src/console/screens/home_assistant/control.ts";
import { controlsOf } from "../../../src/console/screens/home_assistant/controls.ts";
import { Entities } from "../../../src/console/screens/home_assistant/entities.ts";
import { type Entity, readEntity } from "../../../src/console/screens/home_assistant/entity.ts";
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
    ? [control.name, ...Object.values(control.scale), control.value, control.call(20)]
    : control.kind === "choice"
    ? [control.name, control.values, control.value, control.call("x")]
    : control.kind === "color"
    ? [control.name, control.value, control.call("#ff0080")]
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

Deno.test("controlsOf() offers only the features that an entity says it has", () => {
  const of = (...given: Parameters<typeof entity>) => controlsOf(entity(...given), everything).map(summary);
  assertEquals(of("cover.blind", "open", { supported_features: 3, current_position: 50 }), [[
    ["open", "cover.open_cover", false],
    ["close", "cover.close_cover", false],
  ]]);
  assertEquals(of("media_player.tv", "playing", { supported_features: 16_385, volume_level: 0.5 }), [[
    ["play", "media_player.media_play", false],
    ["pause", "media_player.media_pause", false],
  ]]);
  assertEquals(of("media_player.hifi", "playing", { supported_features: 4, volume_level: 0.41 }), [
    ["volume", 0, 100, 1, 41, { service: "media_player.volume_set", data: { volume_level: 0.2 } }],
  ]);
  assertEquals(of("climate.hall", "heat_cool", { target_temp_low: 18, hvac_modes: [] }), []);
  const color = { "supported_color_modes": ["hs"], "rgb_color": [255, 0, 16] };
  assertEquals(of("light.strip", "on", color).at(-1), ["color", "#ff0010", {
    service: "light.turn_on",
    data: { rgb_color: [255, 0, 128] },
  }]);
  assertEquals(of("light.strip", "on", { ...color, rgb_color: [1, "x", 300] }).at(-1)?.[1], undefined);
});

Deno.test("controlsOf() has buttons in place of a switch while it is not known whether a device is on", () => {
  assertEquals(controlsOf(entity("switch.pump", "unknown"), everything).map(summary), [[
    ["on", "switch.turn_on", false],
    ["off", "switch.turn_off", false],
  ]]);
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
    ["steps", "line", undefined],
  );
});

Deno.test("historyForm() knows that a sensor has a past while it cannot be reached", () => {
  assertEquals(historyForm(entity("sensor.attic", "unavailable", { unit_of_measurement: "°C" })), "line");
  assertEquals(historyForm(entity("sensor.text", "unavailable")), undefined);
});

Deno.test("cardGroups() sorts domains as people look for them, and finds entities by id, name and domain", () => {
  const all = [entity("zone.home", "0"), entity("sensor.b", "1"), entity("sensor.a", "1"), entity("light.hall", "on")];
  const groups = cardGroups({ entities: all, services: ["script.good_night"], texts: HOME_ASSISTANT_TEXTS.en });
  const of = (search: string) => findCards(groups, search).map(({ id, cards }) => [id, cards.map(({ id }) => id)]);
  assertEquals(of(""), [
    ["light", ["light.hall"]],
    ["sensor", ["sensor.a", "sensor.b"]],
    ["zone", ["zone.home"]],
    ["calls", ["call script.good_night"]],
  ]);
  assertEquals([of("SENSORS a"), of("good night")], [[["sensor", ["sensor.a"]]], [["calls", [
    "call script.good_night",
  ]]]]);
});

Deno.test("Entities takes all states after a gap, without those that are gone, and keeps what the stream sent meanwhile", () => {
  const entities = new Entities();
  const state = (id: string, state: string) => ({ entity_id: id, state, attributes: {} });
  entities.addUnread(["cover.gate"]);
  entities.sync([state("light.hall", "on"), state("light.attic", "on")], []);
  const before = entities.ids.peek();
  assertEquals(before, ["cover.gate", "light.attic", "light.hall"]);
  entities.take("light.hall", '{"state":"off"}');
  entities.take("light.new", '{"state":"on"}');
  entities.sync([state("light.hall", "on")], before);
  assertEquals(entities.ids.peek(), ["cover.gate", "light.hall", "light.new"]);
  assertEquals(entities.find("light.hall")?.peek().state, "off");
});
