/**
 * The subcommand `keys show`: prints the pairing code of a key.
 *
 * @module
 */
import { renderUnicodeCompact } from "uqr";
import { errorText } from "../../lib/errors.ts";
import { formatPairingUri, type Pairing } from "../../protocol/pairing.ts";
import { DEFAULT_KEY_NAME, type KeyRecord } from "../../keys/schema.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { type CommandLine, readArgs, UsageError } from "../args.ts";
import { findKey, type KeysSession, oneName } from "./session.ts";
import { findAddresses, isContainer } from "./gateway_addresses.ts";
import { unusableReason } from "../../keys/status.ts";

/** Command line of `keys show`. */
export const SHOW_LINE = {
  synopsis: "deno task keys show NAME",
  summary: "Show the pairing code of a key, for its device",
  options: {
    url: { type: "string", value: "URL", description: "The gateway's address for the device, instead of PUBLIC_URL" },
    invert: {
      type: "boolean",
      default: false,
      description: "For a terminal with dark text on a light background",
    },
    "no-qr": { type: "boolean", default: false, description: "Print only the pairing URI" },
  },
} as const satisfies CommandLine;

/** Maximum number of other addresses to suggest. */
const MAX_OTHERS = 4;

/** Prints the pairing code of a key, which holds its secret. */
export async function showKey(session: KeysSession): Promise<void> {
  const { values, positionals } = readArgs(session.args, SHOW_LINE);
  const name = oneName(positionals, session);
  const { secret, label } = name === DEFAULT_KEY_NAME
    ? { secret: await defaultSecret(session), label: undefined }
    : await usableRecord(name, session);
  const { url, warning } = await addressFor(name, { given: values.url, noQr: values["no-qr"], session });
  const uri = pairingUri({ url, name, key: secret.toHex() });
  const what = values["no-qr"] ? "this line" : "this code or line";
  if (!values["no-qr"]) {
    const code = drawPairingCode(uri, values);
    session.print(code);
    const rows = rowsOf(code);
    if (rows > WINDOW_ROWS) {
      session.warn(`This code has ${rows} rows: make the window higher than that, or copy the line (--no-qr)`);
    }
    if (!values.invert) session.print("On a terminal with dark text on a light background, add --invert.");
  }
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

interface AddressChoice {
  /** Value of `--url`. */
  readonly given: string | undefined;
  readonly noQr: boolean;
  readonly session: KeysSession;
}

/** Chooses the address in the code, with a warning if it is a guess. */
async function addressFor(
  name: string,
  { given, noQr, session: { config, machine } }: AddressChoice,
): Promise<{ readonly url: string; readonly warning?: string }> {
  const url = given ?? config.server.publicUrl?.href;
  if (url !== undefined) return { url };
  if (config.server.port === 0) {
    throw new UsageError(
      "With PORT=0 the gateway has another port after each start: set PORT or PUBLIC_URL, or give --url",
    );
  }
  const [found, ...others] = await findAddresses(config.server, machine);
  const lines = [
    `PUBLIC_URL is not set, so this ${noQr ? "line" : "code"} is for ${found.url}, which works ${found.range}. ` +
    (found.isPublic
      ? `To keep it, set PUBLIC_URL=${found.url} in .env`
      : "Set PUBLIC_URL in .env to the address that devices reach, or give it with --url"),
    ...!found.isPublic && await isContainer(machine)
      ? ["In a container this is the container's own address, which devices seldom reach: set PUBLIC_URL"]
      : [],
    ...config.server.tlsCertFile !== undefined && !found.isPublic
      ? ["Devices refuse an address that is not in the certificate of TLS_CERT_FILE"]
      : [],
    ...others.length > 0 ? ["Other addresses of this gateway:"] : [],
    ...others.slice(0, MAX_OTHERS).map((other) =>
      `  deno task keys show ${name} --url ${other.url}   works ${other.range}`
    ),
  ];
  return { url: found.url, warning: lines.join("\n") };
}

/** Formats the pairing URI. The settings were checked before, so an invalid address can only be that of `--url`. */
function pairingUri(pairing: Pairing): string {
  try {
    return formatPairingUri(pairing);
  } catch (error) {
    throw new UsageError(`--url is invalid: ${errorText(error)}`);
  }
}

/** Options of the QR code. */
export interface PairingCodeOptions {
  /** True for a terminal with dark text on a light background. */
  readonly invert: boolean;
}

/** Rows of a terminal window by default. */
const WINDOW_ROWS = 24;

/** Light border of the code in modules, the widest first. The standard has 4; cameras need 2, on a dark terminal 1. */
const BORDERS: readonly number[] = [2, 1];

/**
 * Draws a URI as a QR code, two rows in a line. The text colour is light and the background dark, as on most terminals;
 * escape sequences for colours would not pass the filter for control characters.
 *
 * @returns lines of text; at most 24 as long as the address and the name have 63 characters together
 */
export function drawPairingCode(uri: string, { invert }: PairingCodeOptions): string {
  // The same URI in fewer characters: a query may hold these as they are (RFC 3986, section 3.4).
  const text = uri.replaceAll("%3A", ":").replaceAll("%2F", "/");
  // The lowest error correction makes the smallest code, and a screen needs no more.
  const codes = BORDERS.map((border) => renderUnicodeCompact(text, { ecc: "L", border, invert }));
  return codes.find((code) => rowsOf(code) <= WINDOW_ROWS) ?? codes.at(-1) ?? "";
}

/** Returns the number of terminal rows of a code. */
function rowsOf(code: string): number {
  return code.split("\n").length;
}

/** Describes the next step after a new secret: pairing the device, and a setting that it needs before. */
export function describeNextStep(name: string, { config }: Pick<KeysSession, "config">): string {
  const first = config.server.publicUrl === undefined
    ? "set PUBLIC_URL in .env to the address that devices reach, then "
    : "";
  return `Next, ${first}pair its device: deno task keys show ${name}`;
}
