/**
 * Pairing code for a key: kept for the gateway, and printed for the device.
 *
 * @module
 */
import { dirname } from "node:path";
import { formatDuration } from "../../keys/duration.ts";
import { createPairing, MAX_PENDING_PAIRINGS, type PendingKey } from "../../keys/pairing_code.ts";
import { errorText } from "../../lib/errors.ts";
import { isLoopback } from "../../net/ip_address.ts";
import { formatPairingLink, type PairingLink } from "../../protocol/pairing_link.ts";
import { stateFileOf } from "../../store/state/state_file.ts";
import { UsageError } from "../args.ts";
import { addressFor, type AddressValues } from "./device_address.ts";
import { printCode } from "./qr_code.ts";
import { describeKey } from "../../services/key_text.ts";
import { alignLabels } from "./labels.ts";
import type { KeysSession } from "./session.ts";

/** Key that a code is for. */
export interface Offer {
  /** Name of the key. */
  readonly name: string;
  /** New key; undefined to give the existing key of that name a new secret. */
  readonly key: PendingKey | undefined;
}

/** Values of the options of a code. */
export interface CodeValues extends AddressValues {
  /** True for a terminal with dark text on a light background. */
  readonly invert: boolean;
}

/**
 * Makes a pairing code, and prints it as a QR code and as a link. Nothing is kept if it cannot be printed.
 *
 * @throws {UsageError} if too many codes wait, or the address is not valid
 */
export async function offerPairing({ name, key }: Offer, values: CodeValues, session: KeysSession): Promise<void> {
  const { now, random, print, services, warn } = session;
  const { url, warning } = await addressFor(values, { session, again: (other) => `the same with --url ${other}` });
  const { code, pairing } = await createPairing({ name, key, now, random });
  const link = pairingLink({ url, code });
  const isAdded = await session.usePairings((pairings) =>
    pairings.addPairing(pairing, { now, max: MAX_PENDING_PAIRINGS })
  );
  if (!isAdded) {
    throw new UsageError(
      `${MAX_PENDING_PAIRINGS} pairing codes wait for their devices, which is the most: wait until some expire, ` +
        "or remove one with deno task keys remove NAME",
    );
  }
  await warnOfOwner(session);
  if (key !== undefined) alignLabels(describeKey(key, now, services)).forEach((line) => print(line));
  printCode(link, values, session);
  const what = values["no-qr"] ? "Open this link" : "Scan this code, or open this link,";
  print(
    `${what} on the device within ${formatDuration(pairing.expires - now)}. ` +
      `It works once, and gives the device the key "${name}":`,
  );
  print(link);
  if (warning !== undefined) warn(warning);
  if (isInsecure(link)) {
    warn("Browsers encrypt only on pages of https: give the gateway's https address with PUBLIC_URL or --url");
  }
}

/** Warns of a state file that belongs to another user than its directory: run by root, the command may have made it. */
async function warnOfOwner({ config, machine: { files }, warn }: KeysSession): Promise<void> {
  if (config.redis.url !== undefined) return;
  const path = stateFileOf(config.keys.secretKeyFile);
  const [own, directory] = await Promise.all([files.stat(path), files.stat(dirname(path))]);
  if (own.uid === directory.uid) return;
  warn(
    `State file "${path}" and its directory have different owners: if the gateway runs as the user with id ` +
      `${directory.uid}, it cannot use this code. Change the owner: chown ${directory.uid} ${path}`,
  );
}

/** Formats the link. The settings were checked before, so an invalid address can only be that of `--url`. */
function pairingLink(link: PairingLink): string {
  try {
    return formatPairingLink(link);
  } catch (error) {
    throw new UsageError(`--url is invalid: ${errorText(error)}`);
  }
}

/** Returns whether browsers have no encryption on the page of a link. */
function isInsecure(link: string): boolean {
  const { protocol, hostname } = new URL(link);
  return protocol === "http:" && hostname !== "localhost" && !isLoopback(hostname);
}
