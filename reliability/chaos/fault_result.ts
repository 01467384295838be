/** What came of a fault. */

/** A number for messages, and one for commands to Jeedom. */
export interface Both<T> {
  readonly messages: T;
  readonly commands: T;
}

/** What clients saw, and whether what must hold did. */
export interface FaultResult {
  /** Name of the fault. */
  readonly name: string;
  /** What happened, in words. */
  readonly title: string;
  /** How many were sent. */
  readonly sent: Both<number>;
  /** Failures by their codes, until all was right again. */
  readonly failures: Both<ReadonlyMap<string, number>>;
  /** Events of each listener, by kind. */
  readonly events: readonly ReadonlyMap<string, number>[];
  /** Whether the gateway said that it was not ready; `unknown` where it has no port for that. */
  readonly readiness: "unready" | "ready" | "unknown";
  /**
   * How long it took after the fault was over, in milliseconds: to the first good answer, until each phone had one, and
   * until each stream delivered what was sent since.
   */
  readonly againMs: { readonly first: number; readonly all: number; readonly streams: number };
  /** How many were acknowledged and never arrived. */
  readonly lost: Both<number>;
  /** How many arrived more than once. */
  readonly twice: Both<number>;
  /** How many were told as failed and arrived all the same. */
  readonly untold: Both<number>;
  /** The rules that were broken, in words; none if all is well. */
  readonly broken: readonly string[];
}
