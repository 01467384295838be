/**
 * Names of the entries in the services file, such as actions, targets and queries, and the patterns by which rights name
 * them.
 *
 * @module
 */

/** Rule for a name, in words that follow the name. */
export const ENTRY_NAME_RULE = "must be 1 to 64 letters, digits, dots, dashes and underscores, first a letter or digit";

/** Rule for a pattern of names, in words that follow the pattern. */
export const ENTRY_PATTERN_RULE = "must be a name, or a pattern with at most three * such as gate-*";

/** Returns whether a text can be the name of an entry. */
export function isEntryName(text: string): boolean {
  return /^[A-Za-z0-9][\w.\-]{0,63}$/.test(text);
}

/** Returns whether a text is a pattern of names; with few wildcards, as each multiplies the work of matching. */
export function isEntryPattern(text: string): boolean {
  return /^[\w.*\-]{1,64}$/.test(text) && text.split("*").length <= 4;
}

/** Makes the function that returns whether a name matches one of some patterns, in which `*` is any characters. */
export function createEntryMatcher(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map((text) => new RegExp(`^${text.split("*").map(RegExp.escape).join(".*")}$`));
  return (name) => expressions.some((expression) => expression.test(name));
}
