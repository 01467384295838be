/**
 * Names of queries and writes, and patterns of names.
 *
 * @module
 */

/** Rule for a name, as text that follows it. */
export const NAME_RULE = "must be a name of 1 to 64 letters, digits, dots, dashes and underscores";

/** Rule for a pattern of names, as text that follows it. */
export const PATTERN_RULE = "must be a name, or a pattern with at most three * such as temp-*";

/** Returns whether a text can be the name of a query or of a write. */
export function isName(text: string): boolean {
  return /^[A-Za-z0-9][\w.\-]{0,63}$/.test(text);
}

/** Returns whether a text is a pattern of names; with few wildcards, as each multiplies the work of matching. */
export function isNamePattern(text: string): boolean {
  return /^[\w.*\-]{1,64}$/.test(text) && text.split("*").length <= 4;
}

/** Makes the function that returns whether a name matches one of some patterns, in which `*` is any characters. */
export function createNameMatcher(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map((text) => new RegExp(`^${text.split("*").map(RegExp.escape).join(".*")}$`));
  return (name) => expressions.some((expression) => expression.test(name));
}
