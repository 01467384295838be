/**
 * Store of pairing codes: each lets one device make a key with the gateway, within a few minutes.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";

/** Pairing code, without the code itself: what is derived from it, and the key that a device gets for it. */
export interface Pairing {
  /** Id of the pairing key, 16 hexadecimal characters. */
  readonly kid: string;
  /** Pairing key, 32 bytes. */
  readonly secret: Bytes;
  /** Name of the key that the device gets. */
  readonly name: string;
  /** New key without its secret, as JSON text; undefined if the existing key of that name gets a new secret. */
  readonly record: string | undefined;
  /** End of its validity, in milliseconds since 1970. */
  readonly expires: number;
}

/** Pairing code that is valid, or was used shortly before. */
export interface FoundPairing extends Pairing {
  /** True once it is used: it is found for a while, so that its use can be reported to a holder of the code. */
  readonly isUsed: boolean;
}

/** Pairing code that waits for its device, without the secret. */
export type PendingPairing = Omit<Pairing, "kid" | "secret">;

/** Time of a claim, and the end of its row. */
export interface PairingClaim {
  /** The time, in milliseconds since 1970. */
  readonly now: number;
  /** Time until which the used code is found, in milliseconds since 1970. */
  readonly keepUntil: number;
}

/** Time of an addition, and the limit of codes. */
export interface PairingLimit {
  /** The time, in milliseconds since 1970. */
  readonly now: number;
  /** Most codes that may wait for their devices. */
  readonly max: number;
}

/** Store of pairing codes. Each change removes the codes that are no longer found. Every method throws if it fails. */
export interface PairingStore {
  /**
   * Adds a code, in place of those that wait for the same name.
   *
   * @returns false if too many codes wait; then none is added or removed
   */
  addPairing(pairing: Pairing, limit: PairingLimit): Promise<boolean>;
  /**
   * Finds a code by the id of its key.
   *
   * @param now the time, in milliseconds since 1970
   */
  findPairing(kid: string, now: number): Promise<FoundPairing | undefined>;
  /**
   * Marks a code as used: of two claims, one succeeds. The mark is on disk when the promise settles.
   *
   * @returns false if it is used, expired or not there
   */
  claimPairing(kid: string, claim: PairingClaim): Promise<boolean>;
  /** Makes a used code valid again until its end, as no key was made for it; not if another waits for the same name. */
  returnPairing(kid: string): Promise<void>;
  /**
   * Lists the codes that wait for their devices, by name.
   *
   * @param now the time, in milliseconds since 1970
   */
  listPairings(now: number): Promise<readonly PendingPairing[]>;
  /**
   * Removes the codes of a name, also used ones: their keys are not made any more.
   *
   * @returns true if one waited for its device
   */
  removePairings(name: string): Promise<boolean>;
}
