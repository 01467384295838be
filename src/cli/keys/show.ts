/**
 * The subcommand `keys show`: hands a key to a device.
 *
 * @module
 */
import { formatPairingUri, type Pairing } from "../../protocol/pairing.ts";
import { hostOf } from "../../security/egress.ts";
import { isLoopback } from "../../security/ip_address.ts";
import { DEFAULT_KEY_NAME } from "../../security/key_record.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { type CommandLine, readArgs, UsageError } from "../args.ts";
import { localUrl } from "../local_url.ts";
import { findKey, oneName } from "./find_key.ts";
import { whyDead } from "./key_state.ts";
import { drawPairingCode } from "./pairing_code.ts";
import type { KeysSession } from "./session.ts";

/** Command line of `keys show`. */
export const SHOW_LINE = {
  synopsis: "deno task keys show NAME",
  summary: "Show the code that hands a key to its device",
  options: {
    url: { type: "string", value: "URL", description: "The gateway's address for the device, instead of PUBLIC_URL" },
    invert: {
      type: "boolean",
      default: false,
      description: "For a terminal with dark letters on a light ground",
    },
    "no-qr": { type: "boolean", default: false, description: "Only the address of the pairing" },
  },
} as const satisfies CommandLine;

/** Prints the pairing code of a key, which holds its secret. */
export async function showKey(session: KeysSession): Promise<void> {
  const { values, positionals } = readArgs(session.args, SHOW_LINE);
  const name = oneName(positionals, session);
  const secret = name === DEFAULT_KEY_NAME ? await defaultSecret(session) : await secretOf(name, session);
  const uri = pairingUri({ url: values.url ?? configuredUrl(session), name, key: secret.toHex() });
  if (!values["no-qr"]) {
    session.print(drawPairingCode(uri, values));
    if (!values.invert) session.print("On a terminal with dark letters on a light ground, add --invert.");
  }
  session.print(`Whoever sees ${values["no-qr"] ? "this line" : "this code or line"} holds the key "${name}":`);
  session.print(uri);
}

async function secretOf(name: string, { read, now, warn }: KeysSession): Promise<Bytes> {
  const record = findKey(await read(), name);
  const dead = whyDead(record, now);
  if (dead === "disabled") warn(`Key "${name}" is disabled: enable it with deno task keys enable ${name}`);
  if (dead === "expired") warn(`Key "${name}" has expired: extend it with deno task keys set ${name} --expires 90d`);
  return record.secret;
}

async function defaultSecret({ readDefault, config }: KeysSession): Promise<Bytes> {
  const secret = await readDefault();
  if (secret !== undefined) return secret;
  throw new UsageError(
    `There is no key "${DEFAULT_KEY_NAME}": SECRET_KEY_FILE, "${config.SECRET_KEY_FILE}", does not exist`,
  );
}

/** The address that devices know, or else the one that this machine knows. */
function configuredUrl({ config, warn }: KeysSession): string {
  if (config.PUBLIC_URL !== undefined) return config.PUBLIC_URL.href;
  const url = localUrl(config);
  const range = isLoopback(hostOf(new URL(url))) ? "on this machine" : "in this network";
  warn(
    `PUBLIC_URL is not set, so this code is for ${url}, which works ${range} only. ` +
      "Set PUBLIC_URL in .env to the address that devices reach, or give it with --url",
  );
  return url;
}

/** The settings were checked when they were read, so it can only be `--url` that is wrong. */
function pairingUri(pairing: Pairing): string {
  try {
    return formatPairingUri(pairing);
  } catch (error) {
    throw new UsageError(`--url is wrong: ${error instanceof Error ? error.message : String(error)}`);
  }
}
