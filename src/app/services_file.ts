/**
 * The services file: reads it, and watches it for changes.
 *
 * @module
 */
import { readServicesFileOf } from "../config/configuration.ts";
import { ConfigError, InvalidServicesFileError } from "../config/parse.ts";
import type { Config } from "../config/settings.ts";
import { type FileWatcher, fingerprintOf, POLL_MS, watchFiles } from "../lib/file_watcher.ts";
import type { Log } from "../observability/log.ts";
import type { MetricRegistry } from "../observability/telemetry.ts";
import type { LoadedServicesFile } from "../config/services_file_reader.ts";
import type { Platform } from "../platform.ts";
import type { LiveSections, Sections } from "../services/section.ts";
import type { ServiceModule } from "../services/service.ts";

/** Services file that is watched. */
export interface OpenServicesFile {
  /** Its sections. */
  readonly sections: LiveSections;
  /** Stops watching. */
  close(): Promise<void>;
}

/** Options of the services file. */
export interface ServicesFileOptions {
  /** Logger for loads, and for problems with the file. */
  readonly log: Log;
  /** Registry for its gauge. */
  readonly metrics: MetricRegistry;
  /** Services that may have a section. */
  readonly services: readonly ServiceModule[];
  /** Masks the secrets of the file in the log. */
  readonly hide: (secrets: readonly string[]) => void;
}

/**
 * Opens the services file. Later, a file with a fault leaves the sections before it in force.
 *
 * @throws {ConfigError} with all problems, if it is invalid, or cannot be read or restricted to its owner
 */
export async function openServicesFile(
  config: Config,
  platform: Platform,
  { log, metrics, services, hide }: ServicesFileOptions,
): Promise<OpenServicesFile> {
  const path = config.services.file;

  async function read(): Promise<LoadedServicesFile> {
    const file = await readServicesFileOf(path, platform, { services, config, mode: config.keys.fileMode });
    hide(file.secrets);
    if (file.tightened) log.warn("Services file {file} could be read by others: its mode is 0600 now", { file: path });
    return file;
  }

  // Variables in the file may be those of .env.
  const fingerprint = () => fingerprintOf([path, ".env"], platform.files);
  const loaded = await fingerprint();
  const first = await read();
  const sandbox = new Sandbox(first, config, services);
  const live = { current: first.sections };
  let { exists: existed } = first;
  let isCurrent = true;
  metrics.gauge({
    name: "e2e_gateway_services_file_ok",
    help: "1 if the services file is in force, 0 while it has a fault and an earlier one is",
    read: () => isCurrent ? 1 : 0,
  });

  const watcher: FileWatcher = watchFiles({
    async load() {
      try {
        const { sections, exists } = await read();
        live.current = sections;
        isCurrent = true;
        const names = Object.keys(sections).join(", ") || "none";
        if (exists) log.info("Services file {file} loaded. Sections: {sections}", { file: path, sections: names });
        else if (existed) log.warn("Services file {file} is gone: there are no sections now", { file: path });
        existed = exists;
        const missing = sandbox.missingTargets(sections);
        if (missing.length > 0) {
          log.warn(
            "Restart the gateway for {targets}: until then, its sandbox allows only what was in the services file",
            {
              targets: missing.join(", "),
            },
          );
        }
      } catch (error) {
        isCurrent = false;
        if (!(error instanceof ConfigError)) throw error;
        throw new Error([...error.problems, ...sandbox.hints(error)].join("; "), { cause: error });
      }
    },
    onFailure: (reason) => log.error("Services file not loaded, the previous one stays in force: {reason}", { reason }),
    isContentFault: (error) => error instanceof Error && error.cause instanceof InvalidServicesFileError,
    fingerprint,
    pollMs: POLL_MS,
  }, loaded);
  // On a terminal, SIGHUP means that the terminal was closed, and ends the program.
  if (!platform.isTerminal) platform.onReload(() => watcher.reload());
  return { sections: live, close: () => watcher.close() };
}

/** Host that stands for all of them. */
const WHOLE_NETWORK = "the whole network";

/** Hosts and files that sections need. */
interface Targets {
  readonly hosts: ReadonlySet<string>;
  readonly files: ReadonlySet<string>;
}

/** What the sandbox allows, which is fixed at the start. */
class Sandbox {
  readonly #config: Config;
  readonly #services: readonly ServiceModule[];
  readonly #variables: ReadonlySet<string>;
  readonly #targets: Targets;

  constructor(
    { sections, variables }: Pick<LoadedServicesFile, "sections" | "variables">,
    config: Config,
    services: readonly ServiceModule[],
  ) {
    this.#config = config;
    this.#services = services;
    this.#variables = new Set(variables);
    this.#targets = this.#targetsOf(sections);
  }

  /** Returns the hosts and files of sections that it does not allow. */
  missingTargets(sections: Sections): string[] {
    const { hosts, files } = this.#targetsOf(sections);
    const allowed = this.#targets;
    return [
      ...allowed.hosts.has(WHOLE_NETWORK) ? [] : hosts.difference(allowed.hosts),
      ...files.difference(allowed.files),
    ];
  }

  /** Returns a hint where a variable may be missing only because the sandbox hides it. */
  hints({ variables }: ConfigError): string[] {
    return variables.every((name) => this.#variables.has(name))
      ? []
      : ["a variable of the environment that is new in the file needs a restart of the gateway"];
  }

  #targetsOf(sections: Sections): Targets {
    const hosts = this.#services.map((service) => service.allowNet(this.#config, sections));
    const files = this.#services.flatMap((service) => service.allowRead?.(this.#config, sections) ?? []);
    return {
      hosts: new Set(hosts.includes(undefined) ? [WHOLE_NETWORK] : hosts.flatMap((some) => some ?? [])),
      files: new Set(files),
    };
  }
}
