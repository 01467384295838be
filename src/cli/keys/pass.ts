/**
 * The subcommand `keys pass`: makes a link for a guest, with few rights and for a short time.
 *
 * @module
 */
import { guestName, namesRights, PASS_RULE } from "../../services/guest_pass.ts";
import type { ServiceModule } from "../../services/service.ts";
import { type CommandLine, readOptions, UsageError } from "../args.ts";
import { newKeyOptions, readNewKey } from "./new_key.ts";
import { offerPairing } from "./offer_pairing.ts";
import { CODE_OPTIONS } from "./qr_code.ts";
import type { KeysSession } from "./session.ts";

/** Returns the command line of `keys pass`. */
export function passLine(services: readonly ServiceModule[]): CommandLine {
  return commandLine(services);
}

function commandLine(services: readonly ServiceModule[]) {
  return {
    synopsis: "deno task keys pass",
    summary: "Show a link and QR code for a guest, with few rights",
    options: {
      ...newKeyOptions(services),
      name: { type: "string", value: "NAME", description: "Name of the guest's key, such as plumber" },
      ...CODE_OPTIONS,
    },
    notes: `Name what the guest may do, and limit it by uses and by time:
deno task keys pass --action open-gate --uses 3 --expires 2h --name plumber
The time runs from now, not from when the guest opens the link. End a pass with
deno task keys remove NAME, whether the guest has opened it or not.`,
  } as const satisfies CommandLine;
}

/** Makes a pairing code for a guest, with a name if none is given. */
export async function passKey(session: KeysSession): Promise<void> {
  const { print, random, services, usage } = session;
  const values = readOptions(session.args, commandLine(services));
  if (!namesRights(values, services)) throw new UsageError(`${PASS_RULE}\n${usage}`);
  const name = values.name ?? guestName(random);
  const key = await readNewKey(name, values, { session, minProtocol: 2 });
  print(`The guest "${name}" may, once the link is open:`);
  await offerPairing({ name, key }, values, session);
}
