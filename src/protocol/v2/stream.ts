/**
 * Streams of version 2: one key for each stream, and a number for each event, so that an event that is skipped, repeated
 * or swapped does not open. See docs/protocol.md.
 *
 * @module
 */
import {
  decrypt,
  type Decryptor,
  encrypt,
  type Encryptor,
  EnvelopeError,
  NONCE_BYTES,
  type OpenedText,
  type SealedText,
} from "../aead.ts";
import { type Bytes, free, fromBase64Url, type RandomBytes, toBase64Url } from "../bytes.ts";
import { additionalData, derivationOf, type RequestBinding, SALT_BYTES, VERSION_2 } from "./envelope.ts";

/** Event with its number, whose text may still be encrypted. */
export interface NumberedEvent {
  /** Number: 0 for the first event. */
  readonly n: number;
  /** `base64url( ciphertext ‖ tag )`. */
  readonly text: Promise<SealedText>;
}

/** Seals the events of one stream. */
export class StreamSealer {
  /** Opening of the stream, from which its reader derives the key: `2.base64url( salt )`. */
  readonly opening: string;
  readonly #key: Encryptor;
  readonly #kid: string;
  #next = 0;

  private constructor(opening: string, key: Encryptor, kid: string) {
    this.opening = opening;
    this.#key = key;
    this.#kid = kid;
  }

  /** Begins a stream that answers a request. */
  static async begin(binding: RequestBinding, random: RandomBytes): Promise<StreamSealer> {
    const salt = random(SALT_BYTES);
    const key = await binding.key.deriveEncryptor(derivationOf(binding, { direction: "stream", salt }));
    return new StreamSealer(VERSION_2 + toBase64Url(salt), key, binding.key.kid);
  }

  /**
   * Encrypts the next event. Numbers are in the order of the calls, not of the encryption.
   */
  seal(plaintext: string | Bytes): NumberedEvent {
    const n = this.#next;
    this.#next += 1;
    return { n, text: this.#encrypt(n, plaintext) };
  }

  async #encrypt(n: number, plaintext: string | Bytes): Promise<SealedText> {
    const ciphertext = await encrypt(this.#key, plaintext, parameters(this.#kid, n));
    const text = toBase64Url(ciphertext) as SealedText;
    free(ciphertext);
    return text;
  }
}

/** Opens the events of one stream, in order, up to the first that does not open. */
export class StreamOpener {
  readonly #key: Decryptor;
  readonly #kid: string;
  #next = 0;
  #isBroken = false;

  private constructor(key: Decryptor, kid: string) {
    this.#key = key;
    this.#kid = kid;
  }

  /**
   * Begins with the opening of a stream.
   *
   * @param binding the request that the stream answers
   * @throws {EnvelopeError} if the opening is malformed
   */
  static async begin(binding: RequestBinding, opening: string): Promise<StreamOpener> {
    const salt = readOpening(opening);
    const key = await binding.key.deriveDecryptor(derivationOf(binding, { direction: "stream", salt }));
    return new StreamOpener(key, binding.key.kid);
  }

  /**
   * Verifies and decrypts the next event.
   *
   * @param id number on the wire
   * @throws {EnvelopeError} if it is not the next event of this very stream, or an earlier one was not
   */
  async open(text: string, id: string): Promise<OpenedText> {
    const n = this.#next;
    this.#next += 1;
    const opened = id === String(n) ? await this.#decrypt(n, text) : undefined;
    this.#isBroken ||= opened === undefined;
    if (opened === undefined || this.#isBroken) throw new EnvelopeError();
    return opened;
  }

  async #decrypt(n: number, text: string): Promise<OpenedText | undefined> {
    let ciphertext: Bytes;
    try {
      ciphertext = fromBase64Url(text);
    } catch {
      return undefined;
    }
    return await decrypt(this.#key, ciphertext, parameters(this.#kid, n));
  }
}

function parameters(kid: string, n: number) {
  const nonce = new Uint8Array(NONCE_BYTES);
  // 4 zero bytes, then the number in 8 bytes, big-endian.
  new DataView(nonce.buffer).setBigUint64(NONCE_BYTES - 8, BigInt(n));
  return { nonce, additionalData: additionalData("stream", kid, String(n)) };
}

function readOpening(text: string): Bytes {
  try {
    if (text.startsWith(VERSION_2)) {
      const salt = fromBase64Url(text.slice(VERSION_2.length));
      if (salt.length === SALT_BYTES) return salt;
    }
  } catch {
    // Thrown below, as for every other flaw.
  }
  throw new EnvelopeError();
}
