/**
 * Closest known name to a misspelt one.
 *
 * @module
 */
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** Names with fewer letters are one change away from too many words. */
export const SHORT_NAME = 6;

/** With more names that are equally close, none is suggested. */
const MOST_SUGGESTIONS = 3;

/**
 * Returns the number of wrong letters between two names; `Infinity` for more than `most`. Two swapped neighbours count as
 * one.
 */
export function wrongLetters(given: string, known: string, most: number): number {
  if (given === known) return 0;
  if (most >= 1 && isSwap(given, known)) return 1;
  if (Math.abs(given.length - known.length) > most) return Infinity;
  const changes: number = levenshteinDistance(given, known);
  return changes <= most ? changes : Infinity;
}

/** Returns whether two neighbouring letters are swapped: one mistake, but two edits. */
export function isSwap(one: string, other: string): boolean {
  const at = [...one].findIndex((letter, index) => letter !== other[index]);
  return at !== -1 && one.slice(0, at) + one.charAt(at + 1) + one.charAt(at) + one.slice(at + 2) === other;
}

/** Returns those of the lowest cost, in their order; none where too many are equally close, or none is close. */
export function leastCost<T>(candidates: readonly T[], costOf: (candidate: T) => number): T[] {
  const costs = candidates.map((candidate) => ({ candidate, cost: costOf(candidate) }));
  const least = Math.min(...costs.map(({ cost }) => cost));
  const closest = costs.filter(({ cost }) => cost === least && cost !== Infinity).map(({ candidate }) => candidate);
  return closest.length > MOST_SUGGESTIONS ? [] : closest;
}

/** Lists the names that a misspelt name resembles most, in their order: without case, `-`, `_` and spaces. */
export function closestNames(given: string, names: readonly string[]): string[] {
  const letters = lettersOf(given);
  return leastCost(names, (name) => {
    const known = lettersOf(name);
    return wrongLetters(letters, known, known.length >= SHORT_NAME ? Math.min(3, known.length / 3) : 1);
  });
}

function lettersOf(name: string): string {
  return name.toLowerCase().replace(/[-_\s]/g, "");
}
