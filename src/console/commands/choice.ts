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
