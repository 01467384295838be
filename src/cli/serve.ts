/**
 * The command `serve`: runs the gateway until a signal stops it.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import { ConfigError } from "../config/parse.ts";
import { secretsOf } from "../config/settings.ts";
import { startLog } from "../observability/logtape.ts";
import { createMask } from "../observability/mask.ts";
import { joinWords } from "../config/rules.ts";
import { sourceText } from "../config/unknown_settings.ts";
import type { CommandLine } from "./args.ts";
import { EXIT_CONFIG, EXIT_FAILURE } from "./exit_codes.ts";
import type { Platform } from "../platform.ts";
import { assertPortFree, PortTakenError } from "../app/listen.ts";
import { openServiceManager } from "../app/systemd.ts";
import { readConfiguration } from "../config/configuration.ts";
import { describeUnread } from "../config/without_effect.ts";
import { reportConfigError } from "./config_errors.ts";

/** Command line of `serve`. */
export const SERVE_LINE = {
  synopsis: "deno task start",
  summary: "Run the gateway",
  options: {},
  notes: "Settings come from the environment and .env: deno task check-config shows them.",
} as const satisfies CommandLine;

/** Runs the gateway. */
export async function serve(platform: Platform): Promise<number> {
  // First of all: a signal during the start must not be lost. A gateway whose output is closed continues without its log.
  const stopped = platform.untilStopped({ ignoresOutput: true });
  try {
    const { config, servicesFile, unknown, unreadLines, formerNames } = await readConfiguration(platform);
    const { isTerminal, print } = platform;
    const mask = createMask([...secretsOf(config), ...servicesFile.secrets]);
    const { log, decisions } = startLog({ settings: config.log, mask, isTerminal, print });
    for (const { name, source, suggestions } of unknown.filter((setting) => setting.suggestions.length > 0)) {
      log.warn("{name} in {source} is not a setting: did you mean {suggestions}?", {
        name,
        source: sourceText(source),
        suggestions: joinWords(suggestions),
      });
    }
    for (const { formerName, name, source } of formerNames) {
      log.warn("{formerName} in {source} is called {name} now: rename it", {
        formerName,
        source: sourceText(source),
        name,
      });
    }
    for (const text of describeUnread(unreadLines)) log.warn(text);
    assertPortFree(config, platform);
    const aloneSince = performance.now();
    // Loaded only here: --help needs no permission, and not the code of the gateway.
    const { startGateway } = await import("../app/start.ts");
    const gateway = await startGateway(config, platform, log, { decisions, hide: mask.add, aloneSince, stopped });
    const manager = await openServiceManager(platform, log);
    manager.ready(`Serves at ${gateway.url}`);
    await stopped;
    manager.stopping();
    await gateway.stop();
    await manager.close();
    return 0;
  } catch (error) {
    return await reportStartFailure(error, platform);
  }
}

/** Prints why the gateway does not start and what to do. Returns the exit code. */
export async function reportStartFailure(error: unknown, platform: Platform): Promise<number> {
  const { printError } = platform;
  if (error instanceof ConfigError) return reportConfigError(error, { printError, next: "restart" });
  if (error instanceof PortTakenError) {
    // Loaded only here: it asks the other program what it is.
    const { describePortTaken } = await import("../app/port_taken.ts");
    printError(await describePortTaken(error, platform));
    return EXIT_FAILURE;
  }
  if (error instanceof Error && error.name === "AddrNotAvailable") {
    printError("HOST is not an address of this machine. Use 0.0.0.0 for all interfaces");
    return EXIT_FAILURE;
  }
  const message = errorText(error);
  printError(`The gateway does not start: ${message}`);
  return error instanceof Error && error.name === "KeyFileError" ? EXIT_CONFIG : EXIT_FAILURE;
}
