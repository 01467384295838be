/**
 * One after the other.
 *
 * @module
 */

/** Lets work of the same id take turns, in the order in which it came. */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<void>>();

  /** Waits for its turn, then does the work. */
  async runExclusive<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(id);
    let resolve = () => {};
    const promise = new Promise<void>((done) => resolve = done);
    this.#last.set(id, promise);
    try {
      await before;
      return await work();
    } finally {
      if (this.#last.get(id) === promise) this.#last.delete(id);
      resolve();
    }
  }
}
