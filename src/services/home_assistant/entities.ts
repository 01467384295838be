/**
 * Ids of entities and names of services in Home Assistant, and patterns of them.
 *
 * @module
 */

/** Longest id that Home Assistant's database keeps, in characters. */
const MAX_LENGTH = 255;

/** Most wildcards of a pattern: each multiplies the work of matching. */
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
  const regex = new RegExp(`^${pattern.split("*").map(RegExp.escape).join("[a-z0-9_]*")}$`);
  return (name) => regex.test(name);
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
