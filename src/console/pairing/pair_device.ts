/**
 * Pairing of this device: one exchange with the gateway, unless the device used the code before.
 *
 * @module
 */
import {
  AlreadyPairedError,
  GatewayError,
  pair,
  type PairedKey,
  PairingCodeError,
  type PairingLink,
  parsePairingLink,
  TamperedError,
} from "@e2e-gateway/client";
import { fromBase64Url } from "../../protocol/bytes.ts";
import { derivePairingKey } from "../../protocol/pairing_exchange.ts";
import { deriveKeyId } from "../../protocol/secret_key.ts";
import { timeOf } from "../connection/device_info.ts";
import { importUnreadableKey } from "../connection/secret_key.ts";
import type { Home } from "../homes/home.ts";

/** Reason why pairing failed, in a form that the page has texts for. */
export type PairingFault =
  /** The text is no pairing link. */
  | "not_a_link"
  /** The link is for a gateway that this page may not send requests to. */
  | "other_gateway"
  /** The browser does not keep keys. */
  | "storage"
  /** The code is unknown, used or older than ten minutes. */
  | "code_refused"
  /** Another device used the code first, or an earlier attempt of this one whose answer was lost. */
  | "already_paired"
  /** The gateway could not be reached; the code may still work. */
  | "unreachable"
  /** The gateway cannot pair just now, such as where it cannot save the key; the code may still work. */
  | "gateway"
  /** The answer was changed on its way, or is not of the gateway. */
  | "tampered"
  /** The program at the address does not know pairing, such as an older gateway. */
  | "no_pairing"
  /** Too many attempts. */
  | "too_many"
  /** Anything else. */
  | "failed";

/** Failure of pairing. */
export class PairingError extends Error {
  /** Reason. */
  readonly fault: PairingFault;

  /** Makes the error. */
  constructor(fault: PairingFault, options?: ErrorOptions) {
    super(`Pairing failed: ${fault}`, options);
    this.name = "PairingError";
    this.fault = fault;
  }
}

/** What pairing needs of the page. */
export interface PairingOptions {
  /** Name of this device for the gateway's list of keys. */
  readonly label: string;
  /** Homes that this device is paired with. */
  readonly homes: readonly Home[];
  /** Returns whether the page may send requests to an address. */
  readonly mayConnect: (url: string) => boolean;
  /** Checks that the browser keeps keys, before the code is spent. */
  readonly checkKeys: () => Promise<void>;
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** Returns the time, in milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Pairs this device by a link. A link that this device used before is opened again, without a request.
 *
 * @returns the new home, not stored yet; or the home in `homes` that the link's code was used for
 * @throws {PairingError} if it failed
 */
export async function pairDevice(text: string, options: PairingOptions): Promise<Home> {
  const link = parseLink(text);
  if (!options.mayConnect(link.url)) throw new PairingError("other_gateway");
  const codeId = await deriveKeyId(await derivePairingKey(fromBase64Url(link.code)));
  const known = options.homes.find((home) => home.base === link.url && home.codeId === codeId);
  if (known !== undefined) return known;
  try {
    await options.checkKeys();
  } catch (cause) {
    throw new PairingError("storage", { cause });
  }
  try {
    const paired = await pair(text.trim(), { label: options.label, fetch: options.fetch });
    return await homeOf(paired, { pairedAt: options.now(), codeId });
  } catch (error) {
    throw new PairingError(faultOf(error), { cause: error });
  }
}

async function homeOf(
  { url, kid, name, key, expires }: PairedKey,
  made: Pick<Home, "pairedAt" | "codeId">,
): Promise<Home> {
  return { base: url, kid, name, key: await importUnreadableKey(key), expiresAt: timeOf(expires), ...made };
}

function parseLink(text: string): PairingLink {
  try {
    return parsePairingLink(text.trim());
  } catch (cause) {
    throw new PairingError("not_a_link", { cause });
  }
}

/** Returns the reason of a failed exchange. */
export function faultOf(error: unknown): PairingFault {
  if (error instanceof PairingCodeError) return "code_refused";
  if (error instanceof AlreadyPairedError) return "already_paired";
  if (error instanceof TamperedError) return "tampered";
  if (!(error instanceof GatewayError)) return "failed";
  switch (error.code) {
    case "unreachable":
    case "timeout":
      return "unreachable";
    case "unavailable":
    case "failed":
      return "gateway";
    case "rate_limit":
      return "too_many";
    case "refused":
      return error.status === 404 ? "no_pairing" : "failed";
    default:
      return "failed";
  }
}
