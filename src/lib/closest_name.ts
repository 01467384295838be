/**
 * Finds the name that a misspelt word stands for.
 *
 * @module
 */
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** Returns the name that takes the fewest changes of the word, at most one for every three letters; else undefined. */
export function closestName(word: string, names: readonly string[]): string | undefined {
  const distances = names.map((name) => ({ name, distance: levenshteinDistance(word.toLowerCase(), name) }));
  const [closest] = distances.toSorted((one, other) => one.distance - other.distance);
  return closest !== undefined && closest.distance <= Math.ceil(closest.name.length / 3) ? closest.name : undefined;
}

/** Says that there is no such name, and which one may be meant. */
export function unknownName(kind: string, word: string, names: readonly string[]): string {
  const closest = closestName(word, names);
  return `Unknown ${kind} "${word}"${closest === undefined ? "" : `: did you mean "${closest}"?`}`;
}
