import { assert, assertEquals } from "@std/assert";
import { EnvelopeError } from "../../src/protocol/aead.ts";

/** Any opened value; a failure of the test if it should have been refused. */
type Open = () => unknown;

/** Checks that something is refused with the one error, which says nothing about why. */
export async function assertRefused(open: Open, what = "what should be refused"): Promise<void> {
  assertEquals(await outcomeOf(open), undefined, `Was opened: ${what}`);
}

/**
 * Returns the result of opening something, or undefined if it was refused.
 *
 * @throws every error but the one for refusals
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
