/**
 * A home: one gateway, and the key of this device for it.
 *
 * @module
 */
import { isObject } from "../../lib/json.ts";

/** Gateway that this device is paired with. */
export interface Home {
  /** Address of the gateway, without a slash at its end. */
  readonly base: string;
  /** Public id of the key. */
  readonly kid: string;
  /** Name of the key at the gateway. */
  readonly name: string;
  /** The key, from which HKDF derives all others; scripts cannot read it. */
  readonly key: CryptoKey;
  /** Time of pairing, in milliseconds since 1970. */
  readonly pairedAt: number;
  /** Time at which the key expires, in milliseconds since 1970. */
  readonly expiresAt?: number | undefined;
  /** Public id of the pairing code that this device used, which does not reveal the code. */
  readonly codeId?: string | undefined;
}

/** Returns the id of a home on this device: one gateway may have several keys here, one origin several gateways. */
export function homeId({ base, kid }: Pick<Home, "base" | "kid">): string {
  return `${base}#${kid}`;
}

/** Returns the address of a home as people read it: host and path. */
export function homeAddress({ base }: Pick<Home, "base">): string {
  return base.replace(/^https?:\/\//, "");
}

/** Returns whether a stored value is a home, as another version of the page or a fault may have written it. */
export function isHome(value: unknown): value is Home {
  return isObject(value) && typeof value["base"] === "string" && typeof value["kid"] === "string" &&
    typeof value["name"] === "string" && typeof value["pairedAt"] === "number" && value["key"] instanceof CryptoKey &&
    (value["expiresAt"] === undefined || typeof value["expiresAt"] === "number") &&
    (value["codeId"] === undefined || typeof value["codeId"] === "string");
}
