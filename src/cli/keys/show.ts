/**
 * The subcommand `keys show`: prints the pairing code of a key.
 *
 * @module
 */
import { errorText } from "../../lib/errors.ts";
import { formatPairingUri, type Pairing } from "../../protocol/pairing.ts";
import { DEFAULT_KEY_NAME, type KeyRecord } from "../../keys/schema.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { type CommandLine, readArgs, UsageError } from "../args.ts";
import { findKey, type KeysSession, oneName } from "./session.ts";
import { addressFor } from "./device_address.ts";
import { CODE_OPTIONS, printCode } from "./qr_code.ts";
import { unusableReason } from "../../keys/status.ts";

/** Command line of `keys show`. */
export const SHOW_LINE = {
  synopsis: "deno task keys show NAME",
  summary: "Show the pairing code of a key, for its device",
  options: { ...CODE_OPTIONS, "no-qr": { ...CODE_OPTIONS["no-qr"], description: "Print only the pairing URI" } },
} as const satisfies CommandLine;

/** Prints the pairing code of a key, which holds its secret. */
export async function showKey(session: KeysSession): Promise<void> {
  const { values, positionals } = readArgs(session.args, SHOW_LINE);
  const name = oneName(positionals, session);
  const { secret, label } = name === DEFAULT_KEY_NAME
    ? { secret: await defaultSecret(session), label: undefined }
    : await usableRecord(name, session);
  const { url, warning } = await addressFor(values, {
    session,
    again: (other) => `deno task keys show ${name} --url ${other}`,
  });
  const uri = pairingUri({ url, name, key: secret.toHex() });
  const what = values["no-qr"] ? "this line" : "this code or line";
  printCode(uri, values, session);
  if (label !== undefined) session.print(`Label of its device: ${JSON.stringify(label)}`);
  session.print(`Anyone who sees ${what} has the key "${name}":`);
  session.print(uri);
  if (warning !== undefined) session.warn(warning);
}

/** Reads the record of a key, with a warning if the key does not work. */
async function usableRecord(name: string, { read, now, warn }: KeysSession): Promise<KeyRecord> {
  const record = findKey(await read(), name);
  const dead = unusableReason(record, now);
  if (dead === "disabled") warn(`Key "${name}" is disabled: enable it with deno task keys enable ${name}`);
  if (dead === "expired") warn(`Key "${name}" has expired: extend it with deno task keys set ${name} --expires 90d`);
  return record;
}

async function defaultSecret({ readDefault, config }: KeysSession): Promise<Bytes> {
  const secret = await readDefault();
  if (secret !== undefined) return secret;
  throw new UsageError(
    `There is no key "${DEFAULT_KEY_NAME}": SECRET_KEY_FILE, "${config.keys.secretKeyFile}", does not exist`,
  );
}

/** Formats the pairing URI. The settings were checked before, so an invalid address can only be that of `--url`. */
function pairingUri(pairing: Pairing): string {
  try {
    return formatPairingUri(pairing);
  } catch (error) {
    throw new UsageError(`--url is invalid: ${errorText(error)}`);
  }
}

/** Describes the next step after a new secret: pairing the device, and a setting that it needs before. */
export function describeNextStep(name: string, { config }: Pick<KeysSession, "config">): string {
  const first = config.server.publicUrl === undefined
    ? "set PUBLIC_URL in .env to the address that devices reach, then "
    : "";
  return `Next, ${first}pair its device: deno task keys show ${name}`;
}
