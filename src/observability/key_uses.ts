/**
 * Last use of each key since the start, for the operator.
 *
 * @module
 */
import { LruCache } from "../lib/lru_cache.ts";
import type { KeyUse } from "../protocol/admin_api.ts";
import type { Audit, Decision } from "./audit.ts";

/** Most keys whose last use is remembered: as many as a keys file may have. */
const MAX_KEYS = 10_000;

/** Longest target, in characters. */
const MAX_TARGET = 200;

/** Last uses by the id of the key. */
export class KeyUses {
  readonly #now: () => number;
  readonly #last = new LruCache<string, KeyUse>(MAX_KEYS);
  /** Time from which on uses are recorded, in milliseconds since 1970. */
  readonly since: number;

  /**
   * Creates it without uses.
   *
   * @param now the wall clock, in milliseconds since 1970
   */
  constructor(now: () => number) {
    this.#now = now;
    this.since = now();
  }

  /** Records a decision, unless it is the end of a stream, or the request was for no service, as the doctor's are. */
  record({ kid, service, target, result }: Pick<Decision, "kid" | "service" | "target" | "result">): void {
    if (result === undefined || service === undefined) return;
    this.#last.set(kid, { at: this.#now(), service, target: target?.slice(0, MAX_TARGET), result });
  }

  /** Returns the last use of a key by its id; undefined if there was none since the start. */
  last(kid: string): KeyUse | undefined {
    return this.#last.get(kid);
  }
}

/** Creates an audit that also records the last use of each key. */
export function createUseAudit(audit: Audit, uses: Pick<KeyUses, "record">): Audit {
  return {
    ...audit,
    decided(decision) {
      audit.decided(decision);
      uses.record(decision);
    },
  };
}
