/**
 * How a check ends other than well.
 *
 * @module
 */

/** Longest value in a message, in characters. */
const MAX_LENGTH = 60;

/** The gateway did something else than the protocol says. The message tells what was seen. */
export class Mismatch extends Error {
  /** Makes the error from what was seen, for the table. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "Mismatch";
  }
}

/** A check cannot be made here, which says nothing about the gateway. The message tells why. */
export class Skip extends Error {
  /** Makes the error from the reason, for the table. */
  constructor(message: string) {
    super(message);
    this.name = "Skip";
  }
}

/** What came, and what should have. */
export interface Comparison {
  /** What came. */
  readonly seen: unknown;
  /** What the protocol says; compared as JSON. */
  readonly expected: unknown;
}

/**
 * Compares what came with what should have.
 *
 * @param what the thing, in words
 * @throws {Mismatch} if they differ
 */
export function expectEqual(what: string, { seen, expected }: Comparison): void {
  const [came, due] = [seen, expected].map((value) => JSON.stringify(value) ?? "nothing");
  if (came !== due) throw new Mismatch(`${what}: expected ${shorten(due)}, got ${shorten(came)}`);
}

/** Of an envelope, the beginning is enough to see that it is another one. */
function shorten(text = ""): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

/**
 * Insists on a condition.
 *
 * @param seen what was seen if it does not hold
 * @throws {Mismatch} if it does not hold
 */
export function expect(condition: boolean, seen: string): asserts condition {
  if (!condition) throw new Mismatch(seen);
}
