/**
 * Suggestions for misspelt names.
 *
 * @module
 */
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** Returns the name with the fewest edits from the word, at most one for every three letters; else undefined. */
export function closestName(word: string, names: readonly string[]): string | undefined {
  const distances = names.map((name) => ({ name, distance: levenshteinDistance(word.toLowerCase(), name) }));
  const [closest] = distances.toSorted((one, other) => one.distance - other.distance);
  return closest !== undefined && closest.distance <= Math.ceil(closest.name.length / 3) ? closest.name : undefined;
}

/** Formats the error for an unknown name, with a suggestion where one is close. */
export function unknownName(kind: string, word: string, names: readonly string[]): string {
  const closest = closestName(word, names);
  return `Unknown ${kind} "${word}"${closest === undefined ? "" : `: did you mean "${closest}"?`}`;
}
