/**
 * Registration of the gateway's key for push services: all gateways with the same store must have the same one, as a
 * device subscribes with the key of one and gets messages from another.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { Backoff } from "../lib/backoff.ts";
import { errorText } from "../lib/errors.ts";
import type { Log } from "../observability/log.ts";
import type { PushStore } from "../store/state/push_store.ts";

/** Key and store. */
export interface VapidRegistrationOptions {
  /** Public key, base64url of 65 bytes. */
  readonly publicKey: string;
  /** File of the key, for the log. */
  readonly file: string;
  /** Store that the gateways share. */
  readonly store: Pick<PushStore, "registerKey">;
  /** Random number from 0 up to but not including 1. */
  readonly random: () => number;
  /** Logger for a store that fails, and for another key. */
  readonly log: Pick<Log, "error">;
}

/** Reason for which nothing is sent before the first answer of the store. */
const NOT_YET = "Push messages cannot be used yet, as Redis is out of reach: try again later";

/** Reason for which nothing is sent with another key. */
const DIFFERENT = "Push messages cannot be sent: the log of the gateway says why";

/** Registration, which may take until the store can be reached. */
export class VapidRegistration {
  readonly #options: VapidRegistrationOptions;
  #fault: string | undefined = NOT_YET;

  /** Asks nothing yet. */
  constructor(options: VapidRegistrationOptions) {
    this.#options = options;
  }

  /** Reason for which the key must not be used; undefined once it may. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /**
   * Registers the key, or reports that there is another one.
   *
   * @throws {Error} if the store fails
   */
  async register(): Promise<void> {
    const { publicKey, file, store, log } = this.#options;
    const registered = await store.registerKey(publicKey);
    this.#fault = registered === publicKey ? undefined : DIFFERENT;
    if (this.#fault === undefined) return;
    log.error(
      "No push messages are sent: the VAPID key in {file} is not that of the other gateways, which devices subscribe " +
        "with. Copy their file vapid_key.json over it, and restart",
      { file },
    );
  }

  /** Registers the key as soon as the store can be reached, unless the signal aborts before. Never rejects. */
  async untilRegistered(signal: AbortSignal): Promise<void> {
    const { random, log } = this.#options;
    const backoff = new Backoff(random);
    for (let attempt = 1; !signal.aborted && this.#fault === NOT_YET; attempt += 1) {
      try {
        await this.register();
      } catch (error) {
        if (attempt === 1) log.error("Push messages wait for their store: {reason}", { reason: errorText(error) });
        await pause(backoff.next(), undefined, { signal }).catch(() => {});
      }
    }
  }
}
