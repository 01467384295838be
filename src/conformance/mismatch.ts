/**
 * Expectations of a check, and its failures.
 *
 * @module
 */

/** Longest value in a message, in characters. */
const MAX_LENGTH = 60;

/** The gateway breaks a rule of the protocol. The message says what was seen. */
export class Mismatch extends Error {
  /** Makes the error. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "Mismatch";
  }
}

/** A check cannot run here, which says nothing about the gateway. The message says why. */
export class Skip extends Error {
  /** Makes the error. */
  constructor(message: string) {
    super(message);
    this.name = "Skip";
  }
}

/** Value that was seen, and the expected one. */
export interface Comparison {
  /** Value that was seen. */
  readonly seen: unknown;
  /** Value that the protocol requires; compared as JSON. */
  readonly expected: unknown;
}

/**
 * Compares a value with the expected one.
 *
 * @param what name of the value
 * @throws {Mismatch} if they differ
 */
export function expectEqual(what: string, { seen, expected }: Comparison): void {
  const [actual, required] = [seen, expected].map((value) => JSON.stringify(value) ?? "nothing");
  if (actual !== required) throw new Mismatch(`${what}: expected ${shorten(required)}, got ${shorten(actual)}`);
}

/** Shortens a text: the beginning of an envelope is enough to distinguish it from others. */
function shorten(text = ""): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

/**
 * Checks a condition.
 *
 * @param seen message if the condition is false
 * @throws {Mismatch} if the condition is false
 */
export function expect(condition: boolean, seen: string): asserts condition {
  if (!condition) throw new Mismatch(seen);
}
