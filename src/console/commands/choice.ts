/**
 * Value that can be chosen.
 *
 * @module
 */

/** Value that can be chosen. */
export interface Choice {
  /** Value. */
  readonly value: string;
  /** Name, safe to show. */
  readonly label: string;
}

/** Most values that are shown side by side, and the most characters of all of them together. */
const MAX_CHOICES = 4;
const MAX_CHOICES_LENGTH = 28;

/** Returns whether the names of values fit side by side. */
export function fitsInRow(labels: readonly (string | number)[]): boolean {
  return labels.length <= MAX_CHOICES && labels.join("").length <= MAX_CHOICES_LENGTH;
}
