/**
 * The command `keys`: edits the keys file, also while the gateway runs.
 *
 * @module
 */
import { ConfigError } from "../config/parse.ts";
import { randomBytes } from "../protocol/bytes.ts";
import { KeyFileError } from "../keys/default_key_file.ts";
import { KeysFileLockedError } from "../keys/keyring_file.ts";
import { type CommandLine, formatCommands, formatHelp, formatUsage, unknownName, UsageError } from "./args.ts";
import { EXIT_CONFIG, EXIT_FAILURE, EXIT_USAGE } from "./exit_codes.ts";
import { addKey, addLine } from "./keys/add.ts";
import { LIST_LINE, listKeys } from "./keys/list.ts";
import { REMOVE_LINE, removeKey } from "./keys/remove.ts";
import { ROTATE_LINE, rotateKey } from "./keys/rotate.ts";
import { type KeysSession, openSession } from "./keys/session.ts";
import { setKey, setLine } from "./keys/set.ts";
import { SHOW_LINE, showKey } from "./keys/show.ts";
import { DISABLE_LINE, disableKey, ENABLE_LINE, enableKey } from "./keys/enable_disable.ts";
import type { Platform } from "../platform.ts";
import { SERVICES } from "../services/registry.ts";
import type { ServiceModule } from "../services/service.ts";
import { readConfig } from "../config/load.ts";
import { reportConfigError } from "./config_errors.ts";

/** A subcommand: its command line, and its function. */
interface Subcommand {
  readonly line: CommandLine;
  readonly run: (session: KeysSession) => Promise<void>;
}

function subcommandsOf(services: readonly ServiceModule[]): Readonly<Record<string, Subcommand>> {
  return {
    list: { line: LIST_LINE, run: listKeys },
    add: { line: addLine(services), run: addKey },
    show: { line: SHOW_LINE, run: showKey },
    set: { line: setLine(services), run: setKey },
    rotate: { line: ROTATE_LINE, run: rotateKey },
    disable: { line: DISABLE_LINE, run: disableKey },
    enable: { line: ENABLE_LINE, run: enableKey },
    remove: { line: REMOVE_LINE, run: removeKey },
  };
}

/** Command lines of the subcommands, by name. */
export const SUBCOMMAND_LINES: Readonly<Record<string, CommandLine>> = Object.fromEntries(
  Object.entries(subcommandsOf(SERVICES)).map(([name, { line }]) => [name, line]),
);

/** Command line of `keys`. */
export const KEYS_LINE = {
  synopsis: "deno task keys SUBCOMMAND",
  summary: "List, add, show, set, rotate, disable, enable and remove keys, while the gateway runs",
  options: {},
  notes: `Subcommands, each with its own --help:
${formatCommands(SUBCOMMAND_LINES)}`,
} as const satisfies CommandLine;

/** Runs a subcommand on the keys file. */
export async function keys(
  platform: Platform,
  now: () => number = () => Date.now(),
  services: readonly ServiceModule[] = SERVICES,
): Promise<number> {
  const [name = "", ...args] = platform.args;
  const subcommands = subcommandsOf(services);
  const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  if (subcommand === undefined) {
    const fault = name === "" ? "A subcommand is missing" : unknownName("subcommand", name, Object.keys(subcommands));
    platform.printError(`${fault}\n${formatHelp(KEYS_LINE)}`);
    return EXIT_USAGE;
  }
  const { line, run } = subcommand;
  const warnings: string[] = [];
  const warn = (text: string) => void warnings.push(text);
  try {
    const config = await readConfig(platform, services);
    const usage = formatUsage(line);
    try {
      await run(openSession({ args, usage, config, services, now: now(), random: randomBytes, platform, warn }));
    } finally {
      // Below all output: above a code that fills the window, they would scroll away.
      for (const text of warnings) platform.printError(text);
    }
    return 0;
  } catch (error) {
    return reportFailure(error, platform);
  }
}

function reportFailure(error: unknown, { printError }: Platform): number {
  if (error instanceof ConfigError) return reportConfigError(error, { printError, next: "try again" });
  const known = error instanceof UsageError || error instanceof KeyFileError || error instanceof KeysFileLockedError;
  if (!known) throw error;
  printError(error.message);
  if (error instanceof UsageError) return EXIT_USAGE;
  return error instanceof KeyFileError ? EXIT_CONFIG : EXIT_FAILURE;
}
