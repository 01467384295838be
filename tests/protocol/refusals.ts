import { assert, assertEquals } from "@std/assert";
import { EnvelopeError } from "../../src/protocol/aead.ts";

/** Whatever was opened. Passing it a text that was refused is the test's failure. */
type Open = () => unknown;

/** Checks that something is refused with the one error, which says nothing about why. */
export async function assertRefused(open: Open, what = "what should be refused"): Promise<void> {
  assertEquals(await outcomeOf(open), undefined, `Was opened: ${what}`);
}

/**
 * Tells what opening something came to, or undefined if it was refused.
 *
 * @throws whatever was thrown, if it is anything but the one error
 */
export async function outcomeOf(open: Open): Promise<unknown> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    assertEquals([error.name, error.message], ["EnvelopeError", "Decryption failed"]);
    assert(error.cause === undefined, "The error has a cause");
    return undefined;
  }
}
