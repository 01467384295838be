/**
 * Selections of entities that listeners have, or had until a short time ago: only those are resumed without a gap. A
 * listener with others has never received the states that have not changed since.
 *
 * @module
 */

/** Most selections of an owner that are known: more than its streams. */
const MAX_SELECTIONS = 100;

/** Listeners with one selection. */
interface Listeners {
  /** Number of present ones. */
  count: number;
  /** Time at which the last one left, in milliseconds. */
  leftAt: number;
}

/** Selections by their owners. */
export class ResumableSelections {
  readonly #byOwner = new WeakMap<object, Map<string, Listeners>>();
  readonly #resumeMs: number;

  /**
   * Makes it without selections.
   *
   * @param resumeMs time for which a selection without listeners is known, in milliseconds
   */
  constructor(resumeMs: number) {
    this.#resumeMs = resumeMs;
  }

  /** Returns whether a listener of an owner has a selection, or had it not long ago. */
  has(owner: object, patterns: readonly string[], now: number): boolean {
    const listeners = this.#byOwner.get(owner)?.get(nameOf(patterns));
    return listeners !== undefined && (listeners.count > 0 || now - listeners.leftAt <= this.#resumeMs);
  }

  /** Adds a listener. */
  add(owner: object, patterns: readonly string[]): void {
    const selections = this.#byOwner.get(owner) ?? new Map<string, Listeners>();
    this.#byOwner.set(owner, selections);
    const name = nameOf(patterns);
    const listeners = selections.get(name) ?? { count: 0, leftAt: 0 };
    listeners.count += 1;
    // The last in the order of the map.
    selections.delete(name);
    selections.set(name, listeners);
    for (const [other, { count }] of selections) {
      if (selections.size <= MAX_SELECTIONS) break;
      if (count === 0) selections.delete(other);
    }
  }

  /** Removes a listener that was added. */
  remove(owner: object, patterns: readonly string[], now: number): void {
    const listeners = this.#byOwner.get(owner)?.get(nameOf(patterns));
    if (listeners === undefined) return;
    listeners.count -= 1;
    listeners.leftAt = now;
  }
}

/** Returns the name of a selection, whatever the order of its patterns. */
function nameOf(patterns: readonly string[]): string {
  return patterns.toSorted().join(" ");
}
