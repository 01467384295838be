/**
 * Table of the commands, and running one of them.
 *
 * @module
 */
import { VERSION } from "../version.ts";
import {
  type CommandLine,
  formatCommands,
  formatHelp,
  readOptions,
  unknownName,
  UsageError,
  wantsHelp,
} from "./args.ts";
import { EXIT_USAGE } from "./exit_codes.ts";
import type { Platform } from "../platform.ts";

/** A command of the command line. */
export interface Command {
  /** Its synopsis, summary and options. */
  readonly line: CommandLine;
  /** Command lines of its subcommands, by name. */
  readonly subcommands?: Readonly<Record<string, CommandLine>>;
  /** Runs it on a platform, and returns the exit code of the process. */
  readonly run: (platform: Platform) => Promise<number>;
}

/** Command to run when the command line names none. */
const STANDARD = "serve";

/** All commands by name. Each is loaded on demand: the gateway starts without the code of the others. */
export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: () => import("./serve.ts").then(({ SERVE_LINE, serve }) => ({ line: SERVE_LINE, run: serve })),
  demo: () => import("./demo.ts").then(({ DEMO_LINE, demo }) => ({ line: DEMO_LINE, run: demo })),
  keys: () =>
    import("./keys.ts").then(({ KEYS_LINE, SUBCOMMAND_LINES, keys }) => ({
      line: KEYS_LINE,
      subcommands: SUBCOMMAND_LINES,
      run: (platform) => keys(platform),
    })),
  actions: () =>
    import("./actions.ts").then(({ ACTIONS_LINE, ACTIONS_SUBCOMMAND_LINES, actions }) => ({
      line: ACTIONS_LINE,
      subcommands: ACTIONS_SUBCOMMAND_LINES,
      run: (platform) => actions(platform),
    })),
  "check-config": () =>
    import("./check_config.ts").then(({ CHECK_CONFIG_LINE, checkConfig }) => ({
      line: CHECK_CONFIG_LINE,
      run: checkConfig,
    })),
  permissions: () =>
    import("./permissions.ts").then(({ PERMISSIONS_LINE, permissions }) => ({
      line: PERMISSIONS_LINE,
      run: permissions,
    })),
  call: () => import("./call.ts").then(({ CALL_LINE, call }) => ({ line: CALL_LINE, run: call })),
  publish: () => import("./publish.ts").then(({ PUBLISH_LINE, publish }) => ({ line: PUBLISH_LINE, run: publish })),
  subscribe: () =>
    import("./subscribe.ts").then(({ SUBSCRIBE_LINE, subscribe }) => ({ line: SUBSCRIBE_LINE, run: subscribe })),
  action: () => import("./action.ts").then(({ ACTION_LINE, action }) => ({ line: ACTION_LINE, run: action })),
  request: () => import("./request.ts").then(({ REQUEST_LINE, request }) => ({ line: REQUEST_LINE, run: request })),
  "home-assistant": () =>
    import("./home_assistant.ts").then(({ HOME_ASSISTANT_LINE, homeAssistant }) => ({
      line: HOME_ASSISTANT_LINE,
      run: homeAssistant,
    })),
  states: () => import("./states.ts").then(({ STATES_LINE, states }) => ({ line: STATES_LINE, run: states })),
  query: () => import("./query.ts").then(({ QUERY_LINE, query }) => ({ line: QUERY_LINE, run: query })),
  push: () => import("./push.ts").then(({ PUSH_LINE, push }) => ({ line: PUSH_LINE, run: push })),
  admin: () => import("./admin.ts").then(({ ADMIN_LINE, admin }) => ({ line: ADMIN_LINE, run: admin })),
  health: () => import("./health.ts").then(({ HEALTH_LINE, health }) => ({ line: HEALTH_LINE, run: health })),
  console: () => import("./console.ts").then(({ CONSOLE_LINE, console }) => ({ line: CONSOLE_LINE, run: console })),
  doctor: () => import("./doctor.ts").then(({ DOCTOR_LINE, doctor }) => ({ line: DOCTOR_LINE, run: doctor })),
  conformance: () =>
    import("./conformance.ts").then(({ CONFORMANCE_LINE, conformance }) => ({
      line: CONFORMANCE_LINE,
      run: conformance,
    })),
};

/**
 * Runs a command line, or prints the version or all commands.
 *
 * @param words the command's name and its arguments
 * @returns the exit code of the process
 */
export async function runCommandLine(words: readonly string[], platform: Omit<Platform, "args">): Promise<number> {
  const [name = STANDARD, ...args] = words;
  if (name === "--version") return show(`e2e-gateway ${VERSION}`, platform);
  if (name === "help" || wantsHelp([name])) return show(await formatOverview(), platform);
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    platform.printError(`${unknownName("command", name, Object.keys(COMMANDS))}\n${await formatOverview()}`);
    return EXIT_USAGE;
  }
  return await runCommand(await load(), { ...platform, args });
}

/** Runs a command, or prints its help before anything is read or started. */
export async function runCommand(command: Command, platform: Platform): Promise<number> {
  const help = helpOf(command, platform.args);
  if (help !== undefined) return show(formatHelp(help), platform);
  try {
    // Such a command does not parse its arguments.
    if (isWithoutOptions(command)) readOptions(platform.args, command.line);
    return await command.run(platform);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    platform.printError(error.message);
    return EXIT_USAGE;
  }
}

function show(text: string, { print }: Pick<Platform, "print">): number {
  print(text);
  return 0;
}

/** Returns the command line whose help is requested: the subcommand's, if one is named. */
function helpOf({ line, subcommands = {} }: Command, args: readonly string[]): CommandLine | undefined {
  const [name = "", ...rest] = args;
  const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  return wantsHelp(subcommand === undefined ? args : rest) ? subcommand ?? line : undefined;
}

function isWithoutOptions({ line, subcommands }: Command): boolean {
  return Object.keys(line.options).length === 0 && subcommands === undefined;
}

async function formatOverview(): Promise<string> {
  const lines = await Promise.all(Object.entries(COMMANDS).map(async ([name, load]) => [name, (await load()).line]));
  return `Usage: deno task COMMAND [arguments]

${formatCommands(Object.fromEntries(lines))}

deno task start is "${STANDARD}", in a sandbox. COMMAND --help lists the options of a
command, --version prints the version.`;
}
