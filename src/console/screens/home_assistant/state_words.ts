/**
 * State of an entity in words.
 *
 * @module
 */
import type { Texts } from "../../catalogue/catalogue.ts";
import type { Format } from "../../catalogue/format.ts";
import { numberIn } from "../../text/scalar.ts";
import { visibleText } from "../../text/visible.ts";
import type { Entity } from "./entity.ts";
import type { HomeAssistantTexts } from "./texts.ts";

/** Classes of sensors for which on and off mean open and closed. */
const OPENINGS: readonly unknown[] = ["door", "window", "garage_door", "opening"];

/** Classes of sensors for which on and off mean detected and clear. */
const DETECTORS: readonly unknown[] = [
  "motion",
  "occupancy",
  "presence",
  "smoke",
  "gas",
  "moisture",
  "sound",
  "vibration",
];

/** Domains whose state is the time of their last use, which says nothing. */
const WITHOUT_STATE: readonly string[] = ["scene", "button", "input_button", "event"];

/** Texts and formats of a language. */
export interface Words {
  /** Texts of the page. */
  readonly common: Texts["home"];
  /** Texts of the screen. */
  readonly own: HomeAssistantTexts;
  /** Formats. */
  readonly format: Format;
}

/** Returns the state of an entity in words; undefined where it has none worth telling. */
export function stateWords(
  { domain, state, attributes, unit }: Entity,
  { common, own, format }: Words,
): string | undefined {
  if (state === undefined || WITHOUT_STATE.includes(domain)) return undefined;
  const number = numberIn(state);
  if (number !== undefined && domain !== "input_text" && domain !== "text") {
    return `${format.number(number)}${unit === "" ? "" : `\u00a0${unit}`}`;
  }
  const kind = attributes["device_class"];
  if (domain === "binary_sensor" && (state === "on" || state === "off")) {
    if (OPENINGS.includes(kind)) return common.states[state === "on" ? "open" : "closed"];
    if (DETECTORS.includes(kind)) return state === "on" ? own.detected : own.clear;
  }
  return stateWord(state, { common, own });
}

/** Returns one state in words, whatever it is a state of. */
export function stateWord(state: string, { common, own }: Pick<Words, "common" | "own">): string {
  const known = [common.states, own.states].find((states) => Object.hasOwn(states, state));
  return known?.[state] ?? plainWords(state);
}

/** Returns a text of Home Assistant as words, such as `Heat cool` for `heat_cool`. */
export function plainWords(text: string): string {
  const words = /^[a-z0-9_]+$/.test(text) ? text.replaceAll("_", " ").trim() : text;
  return visibleText(words === "" ? text : words.charAt(0).toUpperCase() + words.slice(1));
}
