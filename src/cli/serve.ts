/**
 * The command `serve`: runs the gateway until it is told to stop.
 *
 * @module
 */
import { ConfigError } from "../config.ts";
import { startLog } from "../observability/log.ts";
import { EXIT_CONFIG, EXIT_FAILURE, type Platform } from "./platform.ts";
import { openServiceManager } from "./service_manager.ts";
import { readConfig, tellConfigError } from "./settings.ts";
import { startGateway } from "./start_gateway.ts";

/** Runs the gateway. */
export async function serve(platform: Platform): Promise<number> {
  // From the first moment on: a wish that comes while the gateway starts must not be lost. A gateway whose output is
  // closed goes on, without its log.
  const stopped = platform.untilStopped({ ignoresOutput: true });
  try {
    const config = await readConfig(platform);
    const log = startLog(config, platform.isTerminal);
    const gateway = await startGateway(config, platform, log);
    const manager = await openServiceManager(platform, log);
    manager.ready(`Serves at ${gateway.url}`);
    await stopped;
    manager.stopping();
    await gateway.stop();
    await manager.close();
    return 0;
  } catch (error) {
    return tellStartFailure(error, platform);
  }
}

/** Tells why the gateway does not start, with the remedy, and returns the exit code. */
export function tellStartFailure(error: unknown, { printError }: Platform): number {
  if (error instanceof ConfigError) return tellConfigError(error, { printError, next: "start again" });
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && error.name === "AddrInUse") {
    printError("The port is taken already. Stop the other program, or set PORT to a free one");
    return EXIT_FAILURE;
  }
  if (error instanceof Error && error.name === "AddrNotAvailable") {
    printError("HOST is no address of this machine. Set HOST=0.0.0.0 to listen on all that it has");
    return EXIT_FAILURE;
  }
  printError(`The gateway does not start: ${message}`);
  return error instanceof Error && error.name === "KeyFileError" ? EXIT_CONFIG : EXIT_FAILURE;
}
