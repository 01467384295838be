/**
 * What a check is.
 *
 * @module
 */
import type { Version } from "../protocol/exchange.ts";
import type { Need } from "./need.ts";
import type { Probe } from "./probe.ts";

/** Both versions, for checks of what holds in either. */
export const BOTH: readonly Version[] = [1, 2];

/** One rule of docs/protocol.md, and how to see whether a gateway keeps it. Independent of all others. */
export interface Check {
  /** Its name in the table. */
  readonly name: string;
  /** What the protocol says. */
  readonly rule: string;
  /** The versions in which it holds; none for what has no envelope. */
  readonly versions: readonly Version[];
  /** What has to be there. Without it the check is skipped. */
  readonly needs?: Need;
  /** Whether it takes so long that it is made only on demand. */
  readonly isSlow?: boolean;
  /**
   * Makes the check, and leaves nothing behind.
   *
   * @throws `Mismatch` if the gateway does not keep the rule; `Skip` if that cannot be seen here
   */
  run(probe: Probe): Promise<void>;
}

/** Checks of one subject. */
export interface Subject {
  /** What they are about. */
  readonly name: string;
  /** The checks. */
  readonly checks: readonly Check[];
}
