/**
 * Services file, as far as it can be read. Nothing is changed.
 *
 * @module
 */
import { readServicesFileOf } from "../config/configuration.ts";
import { ConfigError } from "../config/parse.ts";
import type { Config } from "../config/settings.ts";
import type { Platform } from "../platform.ts";
import type { ServiceModule } from "../services/service.ts";
import type { DoctorOptions } from "./context.ts";

/** Sections of the services file or its problems, and the variables that it names. */
export interface FoundServicesFile
  extends Pick<DoctorOptions, "sections" | "servicesFileProblems">, Pick<ConfigError, "variables"> {}

/** Reads the services file. */
export async function findServicesFile(
  config: Config,
  platform: Pick<Platform, "env" | "files">,
  services: readonly ServiceModule[],
): Promise<FoundServicesFile> {
  try {
    const { sections, variables } = await readServicesFileOf(config.services.file, platform, { services, config });
    return { sections, servicesFileProblems: [], variables };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { sections: {}, servicesFileProblems: error.problems, variables: error.variables };
  }
}
