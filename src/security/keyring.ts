/**
 * The keys that may open and seal envelopes.
 *
 * @module
 */
import { type Bytes, type Envelope, importKey, type OpenedText, openEnvelope } from "../protocol/envelope.ts";

/** One shared secret and the name of whom it is shared with. */
export interface Key {
  /** Its name in logs and in the replay store. */
  readonly name: string;
  /** The imported secret, which cannot be read back. */
  readonly secret: CryptoKey;
}

/** An envelope that one of the keys opened. */
export interface Opened {
  /** The key that opened it, and that the answer is to be sealed with. */
  readonly key: Key;
  /** The plaintext. */
  readonly text: OpenedText;
}

/** Everything that knows how to open an envelope. */
export interface Keyring {
  /**
   * Opens an envelope with whichever key fits.
   *
   * @throws EnvelopeError if none does
   */
  open(envelope: Envelope): Promise<Opened>;
}

/** Makes a keyring of one key, named `default`: the seed's single secret key. */
export async function createKeyring(secret: Bytes): Promise<Keyring> {
  const key: Key = { name: "default", secret: await importKey(secret) };
  return {
    open: async (envelope) => ({ key, text: await openEnvelope(key.secret, envelope) }),
  };
}
