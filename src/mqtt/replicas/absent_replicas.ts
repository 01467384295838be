/**
 * Finds replicas that are gone, by their renewals and without a clock.
 *
 * @module
 */

/** Looks at the same number of renewals after which a replica is gone. */
export const LOOKS = 4;

/** Number of renewals of a replica, and of looks since it changed. */
interface Seen {
  readonly renewals: number;
  readonly looks: number;
}

/** Compares the renewals of all replicas at each look. */
export class AbsentReplicas {
  #seen: ReadonlyMap<string, Seen> = new Map();

  /**
   * Looks at the renewals of all replicas, by id.
   *
   * @returns those that are gone, at each look until they are removed
   */
  look(renewals: ReadonlyMap<string, number>): readonly string[] {
    this.#seen = new Map([...renewals].map(([replica, renewals]) => {
      const last = this.#seen.get(replica);
      return [replica, { renewals, looks: last?.renewals === renewals ? last.looks + 1 : 0 }];
    }));
    return [...this.#seen].filter(([, { looks }]) => looks >= LOOKS).map(([replica]) => replica);
  }
}
