/**
 * Registration of the gateway's key for push services: all gateways with the same store must have the same one, as a
 * device subscribes with the key of one and gets messages from another. Each has a copy of its file, or gets it from the
 * store, encrypted under their master key.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { Backoff } from "../lib/backoff.ts";
import { errorText } from "../lib/errors.ts";
import type { KeysCipher } from "../keys/keys_cipher.ts";
import type { Log } from "../observability/log.ts";
import type { PushStore, RegisteredKey } from "../store/state/push_store.ts";
import type { LoadedVapidKey } from "./vapid_key_file.ts";
import { parseVapidKey, type VapidKey } from "./vapid_key.ts";

/** Key and store. */
export interface VapidRegistrationOptions {
  /** Key of this gateway. */
  readonly own: Pick<LoadedVapidKey, "key" | "text">;
  /** Cipher that all gateways with the store have; undefined where each has a copy of the file. */
  readonly cipher: KeysCipher | undefined;
  /** File of the key, for the log. */
  readonly file: string;
  /** Store that the gateways share. */
  readonly store: Pick<PushStore, "registerKey">;
  /** Random number from 0 up to but not including 1. */
  readonly random: () => number;
  /** Logger for a store that fails, and for another key. */
  readonly log: Pick<Log, "error">;
}

/** Version of the encrypted key pair: it never changes. */
const VERSION = 1;

/** Reason for which nothing is sent before the first answer of the store. */
const NOT_YET = "Push messages cannot be used yet, as Redis is out of reach: try again later";

/** Reason for which nothing is sent with another key. */
const DIFFERENT = "Push messages cannot be sent: the log of the gateway says why";

/** Registration, which may take until the store can be reached. */
export class VapidRegistration {
  readonly #options: VapidRegistrationOptions;
  #fault: string | undefined = NOT_YET;
  #key: VapidKey | undefined;

  /** Asks nothing yet. */
  constructor(options: VapidRegistrationOptions) {
    this.#options = options;
  }

  /** Reason for which the key must not be used; undefined once it may. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Registered key; undefined as long as none may be used. */
  get key(): VapidKey | undefined {
    return this.#key;
  }

  /**
   * Registers the key, takes the one that is registered, or reports that there is another one.
   *
   * @throws {Error} if the store fails
   */
  async register(): Promise<void> {
    const { own: { key, text }, cipher, file, store, log } = this.#options;
    const sealed = cipher && (await cipher.seal(text, VERSION)).sealed;
    const registered = await store.registerKey({ publicKey: key.publicKey, sealed });
    this.#key = registered.publicKey === key.publicKey ? key : await this.#open(registered);
    this.#fault = this.#key === undefined ? DIFFERENT : undefined;
    if (this.#fault === undefined) return;
    log.error(
      "No push messages are sent: the VAPID key in {file} is not that of the other gateways, which devices subscribe " +
        "with. Copy their file vapid_key.json over it, and restart",
      { file },
    );
  }

  /** Decrypts the key of another gateway; undefined if it is not there, or is encrypted under another master key. */
  async #open({ publicKey, sealed }: RegisteredKey): Promise<VapidKey | undefined> {
    const text = sealed === undefined ? undefined : await this.#options.cipher?.open({ version: VERSION, sealed });
    const key = text === undefined ? undefined : await parseVapidKey(text);
    return key?.publicKey === publicKey ? key : undefined;
  }

  /** Registers the key as soon as the store can be reached, unless the signal aborts before. Never rejects. */
  async untilRegistered(signal: AbortSignal): Promise<void> {
    const { random, log } = this.#options;
    const backoff = new Backoff(random);
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        return await this.register();
      } catch (error) {
        if (attempt === 1) log.error("Push messages wait for their store: {reason}", { reason: errorText(error) });
        await pause(backoff.next(), undefined, { signal }).catch(() => {});
      }
    }
  }
}
