/**
 * Ids of entities and names of services in Home Assistant, and patterns of them.
 *
 * @module
 */
import { wildcardMatcher } from "../../lib/wildcard.ts";

/** Longest id that Home Assistant's database keeps, in characters. */
const MAX_LENGTH = 255;

/** Most wildcards of a pattern. */
const MAX_WILDCARDS = 3;

/** Rule for the id of an entity, in words that follow the id. */
export const ENTITY_RULE = "must be the id of an entity such as light.hall, in lower case";

/** Rule for a pattern of entities, in words that follow the pattern. */
export const ENTITY_PATTERN_RULE =
  "must be a pattern of entities such as light.hall, light.* or *, in lower case, with at most 3 wildcards";

/** Returns whether a text is a name with a domain: the id of an entity or the name of a service, in its only spelling. */
export function isName(text: string): boolean {
  return text.length <= MAX_LENGTH && /^[a-z0-9_]+\.[a-z0-9_]+$/.test(text);
}

/** Returns the domain of a name, such as `light` of `light.hall`. */
export function domainOf(name: string): string {
  return name.slice(0, name.indexOf("."));
}

/**
 * Returns whether a text is a pattern of names: `*`, or a name in which `*` stands for any characters but the dot.
 */
export function isPattern(text: string): boolean {
  return text === "*" || (text.length <= MAX_LENGTH && /^[a-z0-9_*]+\.[a-z0-9_*]+$/.test(text) &&
    text.split("*").length - 1 <= MAX_WILDCARDS);
}

/** Returns the function that tests whether a valid name matches a pattern. */
export function matcherOf(pattern: string): (name: string) => boolean {
  if (pattern === "*") return () => true;
  if (!pattern.includes("*")) return (name) => name === pattern;
  const dot = pattern.indexOf(".");
  const [matchesDomain, matchesRest] = [pattern.slice(0, dot), pattern.slice(dot + 1)].map(wildcardMatcher);
  return (name) => {
    const at = name.indexOf(".");
    return matchesDomain?.(name.slice(0, at)) === true && matchesRest?.(name.slice(at + 1)) === true;
  };
}

/** Returns the function that tests whether a valid name matches one of some patterns. */
export function matcherOfAny(patterns: readonly string[]): (name: string) => boolean {
  const matchers = patterns.map(matcherOf);
  return (name) => matchers.some((matches) => matches(name));
}

/** Returns whether a valid name may match both patterns. */
export function doOverlap(one: string, other: string): boolean {
  if (one === "*" || other === "*") return true;
  const [domain = "", name = ""] = one.split(".");
  const [otherDomain = "", otherName = ""] = other.split(".");
  return doPartsOverlap(domain, otherDomain) && doPartsOverlap(name, otherName);
}

/** Returns whether a text may match both parts, in which `*` stands for any characters. */
function doPartsOverlap(one: string, other: string): boolean {
  const [oneStart = "", ...oneRest] = one.split("*");
  const [otherStart = "", ...otherRest] = other.split("*");
  if (oneRest.length === 0) return matcherOf(`_.${other}`)(`_.${one}`);
  if (otherRest.length === 0) return matcherOf(`_.${one}`)(`_.${other}`);
  // Both have a wildcard: whatever is between the beginnings and the ends of both fits into the other's wildcard.
  const oneEnd = oneRest.at(-1) ?? "";
  const otherEnd = otherRest.at(-1) ?? "";
  return (oneStart.startsWith(otherStart) || otherStart.startsWith(oneStart)) &&
    (oneEnd.endsWith(otherEnd) || otherEnd.endsWith(oneEnd));
}

/** Domains of entities in Home Assistant. Its extensions may have others. */
const ENTITY_DOMAINS: ReadonlySet<string> = new Set(
  ("ai_task air_quality alarm_control_panel assist_satellite automation binary_sensor button calendar camera " +
    "climate conversation counter cover date datetime device_tracker event fan geo_location group humidifier " +
    "image image_processing input_boolean input_button input_datetime input_number input_select input_text " +
    "lawn_mower light lock media_player notify number person plant proximity remote scene schedule script " +
    "select sensor siren stt sun switch tag text time timer todo tts update vacuum valve wake_word " +
    "water_heater weather zone").split(" "),
);

/** Matches texts that end in the ids of entities of known domains, wherever they are. */
export const KNOWN_ENTITY = new RegExp(`(?:${[...ENTITY_DOMAINS].join("|")})\\.[a-z0-9_]+`, "g");

/** Returns whether a text is the id of an entity of a known domain, in its only spelling. */
export function isKnownEntity(text: string): boolean {
  return isName(text) && ENTITY_DOMAINS.has(domainOf(text));
}

/** Lists the names in a text of nothing else; none if there is anything else. A number such as 20.5 is no name. */
export function listedNames(text: string): string[] {
  if (!text.includes(".")) return [];
  // Home Assistant removes control characters as white space, too.
  const entries = text.split(/[\s,;\p{Cc}]+/u).filter((entry) => entry !== "");
  return entries.every((entry) => isName(entry) && !/^\d+\./.test(entry)) ? entries : [];
}

/**
 * Lists the entities that a text names: those in a text of nothing else, in any spelling that Home Assistant reads; and
 * within other words, those of the known domains.
 */
export function entitiesIn(text: string): string[] {
  const spelled = text.toLowerCase();
  const listed = listedNames(spelled);
  return listed.length > 0 ? listed : spelled.split(/[^a-z0-9_.]+/).flatMap((word) => {
    const parts = word.split(".");
    return parts.slice(1).map((part, index) => `${parts[index]}.${part}`);
  }).filter(isKnownEntity);
}
