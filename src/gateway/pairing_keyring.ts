/**
 * Keyring of the route `/pair`: opens requests with the keys of pairing codes.
 *
 * @module
 */
import { pairingUnavailable } from "../http/errors.ts";
import type { Key, Keyring, NamedKey, Opened, RequestSource } from "../keys/keyring.ts";
import { PAIRING_MS } from "../keys/pairing_code.ts";
import { Scope } from "../keys/rights.ts";
import { errorText } from "../lib/errors.ts";
import type { Log } from "../observability/log.ts";
import { EnvelopeError, KEY_BYTES } from "../protocol/aead.ts";
import type { Bytes, RandomBytes } from "../protocol/bytes.ts";
import { openRequest, type RequestEnvelope } from "../protocol/exchange.ts";
import { type ImportSecretKey, importSecretKey } from "../protocol/secret_key.ts";
import type { FoundPairing, PairingStore } from "../store/state/pairing_store.ts";
import { PAIR } from "./pairing_service.ts";

/** Dependencies of the keyring. */
export interface PairingKeyringOptions {
  /** Pairing codes. */
  readonly pairings: Pick<PairingStore, "findPairing">;
  /** Wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Makes random bytes, for the decoy that is tried in place of an unknown key. */
  readonly random: RandomBytes;
  /** Imports secrets; with WebCrypto alone by default. */
  readonly importSecretKey?: ImportSecretKey;
  /** Logger for failures of the store. */
  readonly log: Pick<Log, "error">;
}

/** Rights of a pairing key: to pair, and nothing else. */
const SCOPE = new Scope({ [PAIR]: {} });

/** A pairing key ends by its use, and is never revoked. */
const NEVER = new AbortController().signal;

/** Keys of the pairing codes that wait for their devices or were used shortly before. */
export class PairingKeyring implements Keyring {
  readonly #options: PairingKeyringOptions;
  readonly #import: ImportSecretKey;
  readonly #decoy: Bytes;

  /** Makes the keyring of a store. */
  constructor(options: PairingKeyringOptions) {
    this.#options = options;
    this.#import = options.importSecretKey ?? importSecretKey;
    this.#decoy = options.random(KEY_BYTES);
  }

  /**
   * Opens a request of version 2 with the code that it names. An unknown id takes as long as a wrong key.
   *
   * @throws `EnvelopeError` if no code matches; `HttpError` if the store fails, whether there is such a code or not
   */
  async open(envelope: RequestEnvelope, { route }: RequestSource): Promise<Opened> {
    if (envelope.version === 1) throw new EnvelopeError();
    const pairing = await this.#find(envelope.kid);
    // The decoy is imported anew each time, too. No client has it, so it never matches.
    const secret = await this.#import(pairing?.secret ?? this.#decoy);
    const opened = await openRequest(secret, envelope, { route });
    if (pairing === undefined || opened === undefined) throw new EnvelopeError();
    const key: Key = {
      // A key of the keys file cannot have this name, so its holder cannot use up the limits of the pairing.
      name: `${PAIR}:${pairing.name}`,
      kid: secret.kid,
      secret,
      scope: SCOPE,
      created: pairing.expires - PAIRING_MS,
      rate: undefined,
      revoked: NEVER,
    };
    return { key, ...opened };
  }

  /** Names no key: what a stranger sends must not show which codes there are. */
  identify(): NamedKey | undefined {
    return undefined;
  }

  async #find(kid: string): Promise<FoundPairing | undefined> {
    const { pairings, now, log } = this.#options;
    try {
      return await pairings.findPairing(kid, now());
    } catch (error) {
      log.error("Pairing fails: {reason}", { reason: errorText(error) });
      throw pairingUnavailable();
    }
  }
}
