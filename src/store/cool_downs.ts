/**
 * Cool-downs of actions: where they are kept, and those of one gateway.
 *
 * @module
 */

/** Reserves runs, so that of two at the same time one is refused. */
export interface CoolDowns {
  /**
   * Begins the cool-down of an action, unless an earlier one has not ended.
   *
   * @param name name of the action
   * @param ms length, in milliseconds
   * @throws {Error} if the store fails; then it may have begun
   */
  begin(name: string, ms: number): Promise<CoolDown>;
}

/** Cool-down that has begun, or an earlier one that has not ended. */
export type CoolDown =
  | {
    readonly hasBegun: true;
    /** Ends it, where nothing was sent. @throws {Error} if the store fails; then it may last */
    takeBack(): Promise<void>;
  }
  | {
    readonly hasBegun: false;
    /** Time until the earlier one ends, in milliseconds. */
    readonly leftMs: number;
  };

/** Cool-downs of one gateway, which end with it. */
export class MemoryCoolDowns implements CoolDowns {
  readonly #monotonic: () => number;
  /** End of the cool-down of each action, in milliseconds. */
  readonly #ends = new Map<string, number>();

  /** Makes cool-downs that have ended. */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Begins a cool-down, as {@linkcode CoolDowns.begin}. */
  begin(name: string, ms: number): Promise<CoolDown> {
    const now = this.#monotonic();
    this.#deleteEnded(now);
    const end = this.#ends.get(name);
    if (end !== undefined) return Promise.resolve({ hasBegun: false, leftMs: end - now });
    const own = now + ms;
    this.#ends.set(name, own);
    return Promise.resolve({
      hasBegun: true,
      takeBack: () => {
        if (this.#ends.get(name) === own) this.#ends.delete(name);
        return Promise.resolve();
      },
    });
  }

  #deleteEnded(now: number): void {
    for (const [name, end] of this.#ends) if (end <= now) this.#ends.delete(name);
  }
}
