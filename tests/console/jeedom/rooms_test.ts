/** Rooms and commands in Jeedom's answers. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { readScenario } from "../../../src/console/screens/jeedom/scenarios.ts";
import { readCommand, readRooms, switchPairs } from "../../../src/console/screens/jeedom/rooms.ts";

const info = { id: "3", name: "State", type: "info", subType: "binary", currentValue: 1, isHistorized: "1" };
const on = { id: 31, name: "On", type: "action", subType: "other", value: "3", "generic_type": "LIGHT_ON" };
const off = { id: 32, name: "Éteindre", type: "action", subType: "other", value: 3 };

const room = (cmds: unknown, more: Record<string, unknown> = {}) => ({
  id: 1,
  name: "Kitchen",
  eqLogics: [{ id: "2", name: "Lamp", isEnable: 1, isVisible: "1", cmds }],
  ...more,
});

Deno.test("readRooms() sorts rooms by position, and leaves out what is hidden, disabled or empty", () => {
  const rooms = readRooms([
    room([info], { id: 5, name: "Second", position: "2" }),
    room([info], { id: 4, name: "First", position: 1 }),
    room([info], { id: 6, isVisible: "0" }),
    room([], { id: 7 }),
    { ...room([info]), id: 8, eqLogics: [{ id: 1, name: "Off", isEnable: "0", cmds: [info] }] },
    null,
  ]);
  assertEquals(rooms?.map(({ id, name }) => [id, name]), [["4", "First"], ["5", "Second"]]);
  assertEquals(readRooms("ok"), []);
  assertEquals(readRooms({ error: 1 }), undefined);
});

Deno.test("readRooms() never throws, whatever Jeedom answers", () => {
  // An object with such members throws where it is made a text or a number.
  const hostile = fc.constant({ toString: 1, valueOf: 1 });
  const member = fc.oneof(fc.jsonValue(), hostile);
  const members = ["id", "name", "type", "subType", "value", "currentValue", "isVisible", "isEnable", "configuration"];
  const part = fc.dictionary(fc.constantFrom(...members, "eqLogics", "cmds", "position", "unite"), member);
  fc.assert(fc.property(fc.oneof(member, part), (value) => {
    readRooms(value);
    readRooms([value]);
    readRooms([room(value)]);
    readRooms([room([value])]);
    readRooms([{ ...room([info]), eqLogics: [value] }]);
    readCommand(value);
    if (value !== null && typeof value === "object") {
      readCommand({ ...info, ...value });
      readCommand({ ...on, ...value });
    }
    readScenario(value);
  }));
});

Deno.test("readCommand() reads numbers as texts, PHP's empty maps, and values under both names", () => {
  assertEquals(readCommand(info), [{
    kind: "info",
    id: 3,
    name: "State",
    unit: "",
    genericType: "",
    subType: "binary",
    isHistorized: true,
    isInverted: false,
    value: 1,
  }]);
  const [state] = readCommand({ ...info, currentValue: undefined, state: "21.5" });
  assertEquals(state?.kind === "info" && state.value, "21.5");
  const [slider] = readCommand({
    ...on,
    subType: "slider",
    configuration: { minValue: "15", maxValue: "25", step: "0.5", actionConfirm: "1" },
  });
  assertEquals(slider?.kind === "action" && [slider.range, slider.asksConfirmation, slider.asksCode], [
    { min: 15, max: 25, step: 0.5 },
    true,
    false,
  ]);
  const [plain] = readCommand({ ...on, subType: "slider", configuration: [] });
  assertEquals(plain?.kind === "action" && plain.range, { min: 0, max: 100, step: 1 });
  const [list] = readCommand({ ...on, subType: "select", configuration: { listValue: "eco|Economy; off ;|" } });
  assertEquals(list?.kind === "action" && list.choices, [{ value: "eco", label: "Economy" }, {
    value: "off",
    label: "off",
  }]);
  const [future] = readCommand({ ...on, subType: "hologram" });
  assertEquals(future?.kind === "action" && future.subType, "unknown");
  for (
    const wrong of [{ ...info, id: "x" }, { ...info, id: 0 }, { ...info, type: "other" }, { ...info, isVisible: 0 }, {
      ...info,
      isVisible: false,
    }]
  ) {
    assertEquals(readCommand(wrong), []);
  }
});

Deno.test("names of devices are shown with their invisible characters", () => {
  const [command] = readCommand({ ...info, name: "Door \u202eevil", unite: "\u0000" });
  assertEquals([command?.name, command?.unit], ["Door ⟨U+202E⟩evil", "␀"]);
});

Deno.test("switchPairs() finds On and Off of one binary command, unless one of them asks before it runs", () => {
  const pairsOf = (cmds: unknown) =>
    readRooms([room(cmds)])?.flatMap(({ equipment }) => equipment.flatMap(switchPairs)).map(({ info, on, off }) => [
      info.id,
      on.id,
      off.id,
    ]);
  assertEquals(pairsOf([info, on, off]), [[3, 31, 32]]);
  assertEquals(pairsOf([info, on]), []);
  assertEquals(pairsOf([{ ...info, subType: "numeric" }, on, off]), []);
  assertEquals(pairsOf([info, on, { ...off, configuration: { actionConfirm: 1 } }]), []);
  assertEquals(pairsOf([info, { ...on, value: "4" }, off]), []);
});

Deno.test("readCommand() gives a slider bounds that can be used, whatever Jeedom has", () => {
  const rangeOf = (configuration: unknown) => {
    const [action] = readCommand({ ...on, subType: "slider", configuration });
    return action?.kind === "action" ? action.range : undefined;
  };
  assertEquals(rangeOf({ minValue: "-1e308", maxValue: "1e308" }), { min: 0, max: 100, step: 1 });
  assertEquals(rangeOf({ minValue: 1e300, maxValue: "" }), { min: 0, max: 100, step: 1 });
  assertEquals(rangeOf({ minValue: "20", maxValue: "10" }), { min: 20, max: 120, step: 1 });
  assertEquals(rangeOf({ minValue: {}, maxValue: [], step: "-5" }), { min: 0, max: 100, step: 1 });
});
