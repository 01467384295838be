/**
 * The command `keys`: edits the keys, in their file or in Redis, also while the gateway runs.
 *
 * @module
 */
import { randomBytes } from "../protocol/bytes.ts";
import { KeyFileError } from "../keys/default_key_file.ts";
import { KeysFileLockedError } from "../keys/keyring_file.ts";
import { type CommandLine, formatCommands } from "./args.ts";
import { addKey, addLine } from "./keys/add.ts";
import { EXPORT_LINE, exportKeys } from "./keys/export.ts";
import { IMPORT_LINE, importKeys } from "./keys/import.ts";
import { LIST_LINE, listKeys } from "./keys/list.ts";
import { makeMasterKey, MASTER_KEY_LINE } from "./keys/master_key.ts";
import { pairKey, pairLine } from "./keys/pair.ts";
import { passKey, passLine } from "./keys/pass.ts";
import { REMOVE_LINE, removeKey } from "./keys/remove.ts";
import { ROTATE_LINE, rotateKey } from "./keys/rotate.ts";
import { type KeysSession, openSession } from "./keys/session.ts";
import { setKey, setLine } from "./keys/set.ts";
import { SHOW_LINE, showKey } from "./keys/show.ts";
import { explainWaiting } from "./keys/waiting.ts";
import { DISABLE_LINE, disableKey, ENABLE_LINE, enableKey } from "./keys/enable_disable.ts";
import type { Platform } from "../platform.ts";
import { SERVICES } from "../services/registry.ts";
import type { ServiceModule } from "../services/service.ts";
import { readConfig } from "../config/load.ts";
import { linesOf, runSubcommand, type Subcommands } from "./subcommands.ts";

function subcommandsOf(services: readonly ServiceModule[]): Subcommands<KeysSession> {
  return {
    list: { line: LIST_LINE, run: listKeys },
    add: { line: addLine(services), run: addKey },
    pair: { line: pairLine(services), run: pairKey },
    pass: { line: passLine(services), run: passKey },
    show: { line: SHOW_LINE, run: explainWaiting(showKey) },
    set: { line: setLine(services), run: explainWaiting(setKey) },
    rotate: { line: ROTATE_LINE, run: explainWaiting(rotateKey) },
    disable: { line: DISABLE_LINE, run: explainWaiting(disableKey) },
    enable: { line: ENABLE_LINE, run: explainWaiting(enableKey) },
    remove: { line: REMOVE_LINE, run: removeKey },
    import: { line: IMPORT_LINE, run: importKeys },
    export: { line: EXPORT_LINE, run: exportKeys },
    "master-key": { line: MASTER_KEY_LINE, run: makeMasterKey },
  };
}

/** Command lines of the subcommands, by name. */
export const SUBCOMMAND_LINES: Readonly<Record<string, CommandLine>> = linesOf(subcommandsOf(SERVICES));

/** Command line of `keys`. */
export const KEYS_LINE = {
  synopsis: "deno task keys SUBCOMMAND",
  summary: "List, add, pair, show, set, rotate, disable, enable, remove and move keys, while the gateway runs",
  options: {},
  notes: `Subcommands, each with its own --help:
${formatCommands(SUBCOMMAND_LINES)}`,
} as const satisfies CommandLine;

/** Runs a subcommand on the keys. */
export async function keys(
  platform: Platform,
  now: () => number = () => Date.now(),
  services: readonly ServiceModule[] = SERVICES,
): Promise<number> {
  return await runSubcommand(platform, {
    line: KEYS_LINE,
    subcommands: subcommandsOf(services),
    async open(given) {
      const config = await readConfig(platform, services);
      return openSession({ ...given, config, services, now: now(), random: randomBytes, platform });
    },
    close: (session) => session.close(),
    Failure: KeyFileError,
    Locked: KeysFileLockedError,
  });
}
