/**
 * The subcommand `keys add`: makes a key for a device.
 *
 * @module
 */
import { KEY_BYTES } from "../../protocol/aead.ts";
import { deriveKeyId } from "../../protocol/secret_key.ts";
import type { KeyRecord } from "../../keys/schema.ts";
import type { ServiceModule } from "../../services/service.ts";
import { type CommandLine, readArgs } from "../args.ts";
import { type KeysSession, oneName } from "./session.ts";
import { protocolFromOption } from "../../keys/key_options.ts";
import { everydayNote, newKeyOptions, readNewKey, refuseName } from "./new_key.ts";
import { offerPairing } from "./offer_pairing.ts";
import { CODE_OPTIONS } from "./qr_code.ts";
import { describeNextStep } from "./show.ts";
import { describeKey } from "../../services/key_text.ts";
import { alignLabels } from "./labels.ts";

/** Returns the command line of `keys add`. */
export function addLine(services: readonly ServiceModule[]): CommandLine {
  return commandLine(services);
}

function commandLine(services: readonly ServiceModule[]) {
  return {
    synopsis: "deno task keys add NAME",
    summary: "Create a key for a device",
    options: {
      ...newKeyOptions(services),
      "min-protocol": {
        type: "string",
        value: "1|2",
        default: "1",
        description: "2 for devices whose app speaks version 2",
      },
      pair: { type: "boolean", default: false, description: "Like keys pair: its device makes the key" },
      ...CODE_OPTIONS,
      url: { ...CODE_OPTIONS.url, description: "With --pair: the gateway's address for the device" },
      "no-qr": { ...CODE_OPTIONS["no-qr"], description: "With --pair: print only the link" },
      invert: { ...CODE_OPTIONS.invert, description: "With --pair: for dark text on a light background" },
    },
    notes: everydayNote(services),
  } as const satisfies CommandLine;
}

/** Adds a key and prints its rights. Its secret is left for `keys show`; with `--pair`, its device makes it. */
export async function addKey(session: KeysSession): Promise<void> {
  const { now, print, services } = session;
  const { values, positionals } = readArgs(session.args, commandLine(services));
  const name = oneName(positionals, session);
  const { minProtocol, mistakes } = protocolFromOption(values["min-protocol"]);
  const key = await readNewKey(name, values, { session, minProtocol: values.pair ? 2 : minProtocol, mistakes });
  if (values.pair) return await offerPairing({ name, key }, values, session);

  const record: KeyRecord = { ...key, secret: session.random(KEY_BYTES) };
  await session.edit((records) => {
    // Another command may have taken the name since.
    refuseName(name, records);
    return [...records, record];
  });
  print(`Key "${name}" is in ${session.place}. A running gateway accepts it within 2 seconds.`);
  const kid = await deriveKeyId(record.secret);
  for (const line of alignLabels([["KID", kid], ...describeKey(record, now, services)])) print(line);
  print(describeNextStep(name, session));
}
