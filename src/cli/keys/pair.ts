/**
 * The subcommand `keys pair`: makes a code by which a device gets its key.
 *
 * @module
 */
import { unusableReason } from "../../keys/status.ts";
import type { ServiceModule } from "../../services/service.ts";
import { type CommandLine, readArgs, UsageError } from "../args.ts";
import { everydayNote, newKeyOptions, readNewKey } from "./new_key.ts";
import { offerPairing } from "./offer_pairing.ts";
import { CODE_OPTIONS } from "./qr_code.ts";
import { findKey, type KeysSession, oneName, refuseDefault } from "./session.ts";
import { findWaitingKey } from "./waiting.ts";

/** Returns the command line of `keys pair`. */
export function pairLine(services: readonly ServiceModule[]): CommandLine {
  return commandLine(services);
}

function commandLine(services: readonly ServiceModule[]) {
  return {
    synopsis: "deno task keys pair NAME",
    summary: "Show a link and QR code that give a device its key, once",
    options: {
      ...newKeyOptions(services),
      replace: {
        type: "boolean",
        default: false,
        description: "Give the existing key NAME to a device:\nits rights stay, its old secret ends",
      },
      ...CODE_OPTIONS,
    },
    notes: `The link works once, within 10 minutes. It does not hold the key, which device
and gateway make when the link is opened.
${everydayNote(services)}`,
  } as const satisfies CommandLine;
}

/** Makes a pairing code for a new key, or for an existing one. */
export async function pairKey(session: KeysSession): Promise<void> {
  const { values, positionals } = readArgs(session.args, commandLine(session.services));
  const name = oneName(positionals, session);
  if (values.replace) return await pairAgain(name, values, session);
  const key = await readNewKey(name, values, { session, minProtocol: 2 });
  await offerPairing({ name, key }, values, session);
}

/** Makes a code that gives an existing key a new secret, or another code for a key that waits for its device. */
async function pairAgain(
  name: string,
  values: ReturnType<typeof readArgs<ReturnType<typeof commandLine>["options"]>>["values"],
  session: KeysSession,
): Promise<void> {
  refuseDefault(name, session);
  const known = Object.keys({ ...CODE_OPTIONS, replace: true });
  const [option] = Object.keys(values).filter((given) => !known.includes(given));
  if (option !== undefined) {
    throw new UsageError(
      `--replace keeps what the key may do: change it with deno task keys set ${name} --${option} …`,
    );
  }
  const records = await session.read();
  if (!records.some((record) => record.name === name)) {
    const key = await findWaitingKey(name, session);
    if (key !== undefined) return await offerPairing({ name, key }, values, session);
  }
  const record = findKey(records, name);
  const reason = unusableReason(record, session.now);
  if (reason === "disabled") session.warn(`Key "${name}" is disabled: deno task keys enable ${name}`);
  if (reason === "expired") session.warn(`Key "${name}" has expired: deno task keys set ${name} --expires 90d`);
  session.print(`Key "${name}" keeps its rights. Its present secret works until another device has paired.`);
  await offerPairing({ name, key: undefined }, values, session);
}
