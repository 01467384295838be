/**
 * Pinned values: what a home shows beside its actions.
 *
 * @module
 */
import { isObject, tryParseJson } from "../../../../lib/json.ts";

/** Value that is pinned. */
export interface Pin {
  /** Service that it comes from. */
  readonly service: "mqtt" | "home_assistant";
  /** Topic, or entity. */
  readonly topic: string;
  /** Names of members that lead to the value, where the payload is JSON. */
  readonly path: readonly string[];
  /** Text for people. */
  readonly label: string;
  /** Unit; empty where there is none. */
  readonly unit: string;
}

/** Most pins of a home. */
export const MAX_PINS = 24;

/** Returns the identity of a pin. */
export function pinId({ service, topic, path }: Pick<Pin, "service" | "topic" | "path">): string {
  return JSON.stringify([service, topic, ...path]);
}

/** Reads pins that the page has kept; anything malformed is left out. */
export function readPins(value: unknown): readonly Pin[] {
  return Array.isArray(value) ? value.filter(isPin).slice(0, MAX_PINS) : [];
}

function isPin(value: unknown): value is Pin {
  if (!isObject(value)) return false;
  const { service, topic, path, label, unit } = value;
  return (service === "mqtt" || service === "home_assistant") && typeof topic === "string" &&
    typeof label === "string" && typeof unit === "string" && Array.isArray(path) &&
    path.every((name) => typeof name === "string");
}

/** Value that can be pinned: the members of small JSON objects one by one, anything else whole. */
export interface Candidate extends Pin {
  /** Current value. */
  readonly value: PinValue;
}

/** Value of a pin: a number where it is one. */
export type PinValue = number | string | boolean;

/** Deepest member that can be pinned, and the most members of one payload. */
const MAX_DEPTH = 3;
const MAX_MEMBERS = 40;

/** Longest text that can be pinned, in characters. */
const MAX_TEXT = 60;

/** Returns the values in a payload that can be pinned. */
export function candidatesOf(
  { service, topic, payload }: { readonly service: Pin["service"]; readonly topic: string; readonly payload: string },
): readonly Candidate[] {
  const candidates: Candidate[] = [];
  const parsed = tryParseJson(payload);
  const add = (value: unknown, path: readonly string[], attributes: Readonly<Record<string, unknown>>) => {
    const plain = plainValue(value);
    if (plain === undefined || candidates.length >= MAX_MEMBERS) return;
    const name = path.at(-1) ?? topic.split("/").at(-1) ?? topic;
    const friendly = attributes["friendly_name"];
    const measured = attributes["unit_of_measurement"];
    candidates.push({
      service,
      topic,
      path,
      label: typeof friendly === "string" ? friendly : readableName(topic, path),
      unit: typeof measured === "string" ? measured : typeof plain === "number" ? guessUnit(name) : "",
      value: plain,
    });
  };
  if (service === "home_assistant") {
    if (isObject(parsed)) add(parsed["state"], ["state"], isObject(parsed["attributes"]) ? parsed["attributes"] : {});
    return candidates;
  }
  const walk = (value: unknown, path: readonly string[]) => {
    if (!isObject(value)) return add(value, path, {});
    if (path.length < MAX_DEPTH) { for (const [name, member] of Object.entries(value)) walk(member, [...path, name]); }
  };
  if (isObject(parsed)) walk(parsed, []);
  else add(payload, [], {});
  return candidates;
}

/** Returns the value of a pin in a payload; undefined if it is not there. */
export function valueOf({ path }: Pick<Pin, "path">, payload: string): PinValue | undefined {
  if (path.length === 0) return plainValue(payload);
  const value = path.reduce<unknown>(
    (part, name) => isObject(part) && Object.hasOwn(part, name) ? part[name] : undefined,
    tryParseJson(payload),
  );
  return plainValue(value);
}

function plainValue(value: unknown): PinValue | undefined {
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  // More than a computer can count, such as 1e999, stays a text.
  const number = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : NaN;
  if (Number.isFinite(number)) return number;
  return text.length <= MAX_TEXT ? text : undefined;
}

/** Parts of topics that say nothing of a room or a device. */
const PLAIN_PARTS = ["state", "value", "status", "sensor", "home", "tele", "stat", "zigbee2mqtt"];

/** Returns a name such as `Living room temperature` for `home/living-room/temperature`. */
function readableName(topic: string, path: readonly string[]): string {
  const parts = [...topic.split("/"), ...path].filter((part) => part !== "");
  const useful = parts.filter((part) => !PLAIN_PARTS.includes(part.toLowerCase()));
  const words = (useful.length === 0 ? parts : useful).slice(-2).join(" ").replace(/[_-]+/g, " ").trim();
  return words === "" ? topic : words.charAt(0).toUpperCase() + words.slice(1);
}

/** Units of usual names; nothing where several are usual. */
const UNITS: readonly (readonly [RegExp, string])[] = [
  [/temp/, "°C"],
  [/humid|battery|brightness_percent|soil_moisture/, "%"],
  [/co2|voc$/, "ppm"],
  [/pm(1|2_?5|10)$/, "µg/m³"],
  [/voltage/, "V"],
  [/current$/, "A"],
  [/power(?!_)|watt/, "W"],
  [/illuminance|lux/, "lx"],
];

/** Returns the unit that a name suggests; empty where it suggests none. */
export function guessUnit(name: string): string {
  const word = name.toLowerCase().replaceAll("-", "_");
  return UNITS.find(([pattern]) => pattern.test(word))?.[1] ?? "";
}
