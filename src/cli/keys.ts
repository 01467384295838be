/**
 * The command `keys`: edits the keys file, while the gateway runs or not.
 *
 * @module
 */
import { ConfigError } from "../config.ts";
import { randomBytes } from "../protocol/bytes.ts";
import { KeyFileError } from "../security/key_file.ts";
import { KeysFileLockedError } from "../security/keys_file.ts";
import { isParseArgsError, UsageError } from "./client.ts";
import { ADD_USAGE, addKey } from "./keys/add.ts";
import { listKeys } from "./keys/list.ts";
import { removeKey } from "./keys/remove.ts";
import { ROTATE_USAGE, rotateKey } from "./keys/rotate.ts";
import { type KeysSession, openSession } from "./keys/session.ts";
import { SET_USAGE, setKey } from "./keys/set.ts";
import { SHOW_USAGE, showKey } from "./keys/show.ts";
import { disableKey, enableKey } from "./keys/switch.ts";
import { EXIT_CONFIG, EXIT_FAILURE, EXIT_USAGE, type Platform } from "./platform.ts";
import { readConfig, tellConfigError } from "./settings.ts";

/** What to do, and how its command line goes. */
interface Subcommand {
  readonly usage: string;
  readonly run: (session: KeysSession) => Promise<void>;
}

const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  list: { usage: "Usage: deno task keys list", run: listKeys },
  add: { usage: ADD_USAGE, run: addKey },
  show: { usage: SHOW_USAGE, run: showKey },
  set: { usage: SET_USAGE, run: setKey },
  rotate: { usage: ROTATE_USAGE, run: rotateKey },
  disable: { usage: "Usage: deno task keys disable NAME", run: disableKey },
  enable: { usage: "Usage: deno task keys enable NAME", run: enableKey },
  remove: { usage: "Usage: deno task keys remove NAME", run: removeKey },
};

const USAGE = `Usage: deno task keys SUBCOMMAND
  list                         show all keys, without their secrets
  add NAME [options]           make a key for a device
  show NAME [--url URL]        show the code that hands a key to its device
  set NAME [options]           change what a key may do, its rate limit and its end
  rotate NAME [--overlap 24h]  give a key a new secret
  disable NAME                 switch a key off
  enable NAME                  switch it on again
  remove NAME                  forget a key
With --help, a subcommand tells all of its options.`;

/** Runs a subcommand on the keys file. */
export async function keys(platform: Platform, now: () => number = () => Date.now()): Promise<number> {
  const [name = "", ...args] = platform.args;
  const subcommand = Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined;
  const isHelp = (word: string) => word === "--help" || word === "-h";
  if (platform.args.some(isHelp)) {
    platform.print(subcommand?.usage ?? USAGE);
    return 0;
  }
  if (subcommand === undefined) {
    platform.printError(name === "" ? USAGE : `Unknown subcommand "${name}"\n${USAGE}`);
    return EXIT_USAGE;
  }
  const { usage, run } = subcommand;
  const warnings: string[] = [];
  const warn = (line: string) => void warnings.push(line);
  try {
    const config = await readConfig(platform);
    try {
      await run(openSession({ args, usage, config, now: now(), random: randomBytes, platform, warn }));
    } finally {
      // Above a code that fills the window, nobody would see them.
      for (const line of warnings) platform.printError(line);
    }
    return 0;
  } catch (error) {
    return tellFailure(error, usage, platform);
  }
}

function tellFailure(error: unknown, usage: string, { printError }: Platform): number {
  if (error instanceof ConfigError) return tellConfigError(error, { printError, next: "try again" });
  if (isParseArgsError(error)) {
    printError(`${error.message}\n${usage}`);
    return EXIT_USAGE;
  }
  const known = error instanceof UsageError || error instanceof KeyFileError || error instanceof KeysFileLockedError;
  if (!known) throw error;
  printError(error.message);
  if (error instanceof UsageError) return EXIT_USAGE;
  return error instanceof KeyFileError ? EXIT_CONFIG : EXIT_FAILURE;
}
