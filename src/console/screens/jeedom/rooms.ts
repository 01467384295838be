/**
 * Rooms, equipment and commands in Jeedom's answers. Ids and numbers are texts in some of them, and anything may be missing.
 *
 * @module
 */
import { isObject } from "../../../lib/json.ts";
import type { Choice } from "../../commands/choice.ts";
import { type Scale, scaleOf } from "../../commands/scale.ts";
import { numberIn, textIn } from "../../text/scalar.ts";
import { visibleText } from "../../text/visible.ts";
import { idIn, isHidden, isSet, isUnset, listOf, nameOf } from "./members.ts";

/** Value of a command. */
export type JeedomValue = string | number;

/** Command that has a value. */
export interface Info {
  /** Distinguishes it. */
  readonly kind: "info";
  /** Id. */
  readonly id: number;
  /** Name, safe to show. */
  readonly name: string;
  /** Type of its values. */
  readonly subType: "numeric" | "binary" | "string";
  /** Unit, safe to show; empty where there is none. */
  readonly unit: string;
  /** True if Jeedom keeps its past. */
  readonly isHistorized: boolean;
  /** Meaning, such as `TEMPERATURE`; empty where Jeedom does not know it. */
  readonly genericType: string;
  /** True if Jeedom shows 0 and 1 the other way round. */
  readonly isInverted: boolean;
  /** Value when it was asked for; undefined where it has none. */
  readonly value: JeedomValue | undefined;
}

/** Command that does something. */
export interface Action {
  /** Distinguishes it. */
  readonly kind: "action";
  /** Id. */
  readonly id: number;
  /** Name, safe to show. */
  readonly name: string;
  /** What it takes; `unknown` for a type that this page does not know. */
  readonly subType: "other" | "slider" | "color" | "select" | "message" | "unknown";
  /** Command whose value it changes; undefined where Jeedom does not know. */
  readonly infoId: number | undefined;
  /** Meaning, such as `LIGHT_ON`; empty where Jeedom does not know it. */
  readonly genericType: string;
  /** Unit, safe to show; empty where there is none. */
  readonly unit: string;
  /** Bounds of a slider. */
  readonly range: Scale;
  /** Values of a list. */
  readonly choices: readonly Choice[];
  /** True if Jeedom asks for a confirmation. */
  readonly asksConfirmation: boolean;
  /** True if Jeedom asks for a code. */
  readonly asksCode: boolean;
}

/** Command. */
export type Command = Info | Action;

/** Equipment. */
export interface Equipment {
  /** Id. */
  readonly id: string;
  /** Name, safe to show. */
  readonly name: string;
  /** Its visible commands that have a value. */
  readonly infos: readonly Info[];
  /** Its visible commands that do something. */
  readonly actions: readonly Action[];
}

/** Room, or any other object of Jeedom. */
export interface Room {
  /** Id. */
  readonly id: string;
  /** Name, safe to show; empty for what belongs to none. */
  readonly name: string;
  /** Its visible equipment that has commands. */
  readonly equipment: readonly Equipment[];
}

/** Reads the answer of `jeeObject::full`; undefined if it is none. Malformed parts are left out. */
export function readRooms(result: unknown): readonly Room[] | undefined {
  // An empty list of PHP becomes "ok".
  if (result === "ok") return [];
  if (!Array.isArray(result)) return undefined;
  const rooms = result.flatMap((value) => {
    const id = isObject(value) ? textIn(value["id"]) : undefined;
    if (!isObject(value) || id === undefined || isHidden(value)) return [];
    const equipment = listOf(value["eqLogics"]).flatMap(readEquipment);
    return [{ id, name: nameOf(value), equipment, position: numberIn(value["position"]) ?? 0 }];
  });
  return rooms.filter(({ equipment }) => equipment.length > 0)
    .sort((one, other) => one.position - other.position)
    .map(({ id, name, equipment }) => ({ id, name, equipment }));
}

function readEquipment(value: unknown): Equipment[] {
  const id = isObject(value) ? textIn(value["id"]) : undefined;
  if (!isObject(value) || id === undefined || isHidden(value) || isUnset(value["isEnable"])) return [];
  const equipment = equipmentOf({ id, name: nameOf(value), commands: listOf(value["cmds"]).flatMap(readCommand) });
  return equipment.infos.length + equipment.actions.length === 0 ? [] : [equipment];
}

/** Makes equipment of commands. */
export function equipmentOf(
  { id, name, commands }: { readonly id: string; readonly name: string; readonly commands: readonly Command[] },
): Equipment {
  return {
    id,
    name,
    infos: commands.filter((command) => command.kind === "info"),
    actions: commands.filter((command) => command.kind === "action"),
  };
}

/** Returns a list of one command; an empty one for what is hidden or malformed, so that it does not hide the others. */
export function readCommand(value: unknown): Command[] {
  if (!isObject(value) || isHidden(value)) return [];
  const id = idIn(value["id"]);
  if (id === undefined) return [];
  const configuration = isObject(value["configuration"]) ? value["configuration"] : {};
  const base = {
    id,
    name: nameOf(value),
    unit: visibleText(textIn(value["unite"]) ?? ""),
    genericType: textIn(value["generic_type"]) ?? "",
  };
  const { subType } = value;
  if (value["type"] === "info") {
    return [{
      ...base,
      kind: "info",
      subType: subType === "numeric" || subType === "binary" ? subType : "string",
      isHistorized: isSet(value["isHistorized"]),
      isInverted: isObject(value["display"]) && isSet(value["display"]["invertBinary"]),
      value: valueOf(value["currentValue"]) ?? valueOf(value["state"]),
    }];
  }
  if (value["type"] !== "action") return [];
  return [{
    ...base,
    kind: "action",
    subType: ACTION_TYPES.find((type) => type === subType) ?? "unknown",
    infoId: idIn(value["value"]),
    range: rangeOf(configuration),
    choices: choicesOf(textIn(configuration["listValue"]) ?? ""),
    asksConfirmation: isSet(configuration["actionConfirm"]),
    asksCode: (textIn(configuration["actionCodeAccess"]) ?? "") !== "",
  }];
}

const ACTION_TYPES = ["other", "slider", "color", "select", "message"] as const;

/** Returns a value of a command; undefined where it has none. */
export function valueOf(value: unknown): JeedomValue | undefined {
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "string" || (typeof value === "number" && Number.isFinite(value)) ? value : undefined;
}

/** Scale of a slider without bounds that make sense. */
const PERCENT: Scale = { min: 0, max: 100, step: 1 };

function rangeOf(configuration: Readonly<Record<string, unknown>>): Scale {
  const [min = 0, max] = [numberIn(configuration["minValue"]), numberIn(configuration["maxValue"])];
  const step = numberIn(configuration["step"]) ?? numberIn(configuration["stepValue"]);
  return scaleOf({ min, max: max !== undefined && max > min ? max : min + 100, step }) ?? PERCENT;
}

/** Most values of a list. */
const MAX_CHOICES = 200;

/** Reads a list such as `eco|Economy;off|Off`. */
function choicesOf(text: string): readonly Choice[] {
  return text.split(";").slice(0, MAX_CHOICES).flatMap((entry) => {
    const [value = "", label = value] = entry.split("|").map((part) => part.trim());
    return value === "" ? [] : [{ value, label: visibleText(label) }];
  });
}

/** Pair of actions that switch one binary command. */
export interface SwitchPair {
  /** Command that has the value. */
  readonly info: Info;
  /** Switches on. */
  readonly on: Action;
  /** Switches off. */
  readonly off: Action;
}

/** Names of actions that switch on and off, of Jeedom in English and French. */
const ON = /^(on|allumer|marche|activer)$/i;
const OFF = /^(off|[ée]teindre|arr[êe]t|d[ée]sactiver)$/i;

/** Returns the pairs of actions that are shown as a switch. One that asks before it runs stays a button. */
export function switchPairs({ infos, actions }: Equipment): readonly SwitchPair[] {
  const simple = actions.filter(({ subType, asksConfirmation, asksCode }) =>
    subType === "other" && !asksConfirmation && !asksCode
  );
  return infos.filter(({ subType }) => subType === "binary").flatMap((info) => {
    const own = simple.filter(({ infoId }) => infoId === info.id);
    const on = own.find(({ genericType, name }) => /_ON$/.test(genericType) || ON.test(name));
    const off = own.find(({ genericType, name }) => /_OFF$/.test(genericType) || OFF.test(name));
    return on === undefined || off === undefined || on === off ? [] : [{ info, on, off }];
  });
}
