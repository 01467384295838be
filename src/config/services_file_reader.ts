/**
 * Reads the services file.
 *
 * @module
 */
import { errorName, errorText } from "../lib/errors.ts";
import { restrictToOwner } from "../lib/file_mode.ts";
import { ConfigError } from "./parse.ts";
import type { ServicesFile, ServicesFileOptions } from "./services_file.ts";

/** A services file that was read. */
export interface LoadedServicesFile extends ServicesFile {
  /** False if there is no such file, which is as good as an empty one. */
  readonly exists: boolean;
  /** True if other users could read it, and its mode was changed. */
  readonly tightened: boolean;
}

/** Result where there is no services file. */
export const NO_SERVICES_FILE: LoadedServicesFile = {
  sections: {},
  variables: [],
  secrets: [],
  exists: false,
  tightened: false,
};

/** Options of reading. */
export interface ReadServicesFileOptions extends Omit<ServicesFileOptions, "variable"> {
  /** File system. */
  readonly files: Pick<typeof Deno, "chmod" | "lstat" | "readTextFile" | "stat">;
  /** Loads the variables, where there is a file; returns the function that returns the value of one. */
  readonly loadVariables: () => Promise<ServicesFileOptions["variable"]>;
  /** `strict` makes the file readable only by its owner; `ignore` leaves its mode. */
  readonly mode: "strict" | "ignore";
}

/** Largest services file, in bytes. */
const MAX_FILE_BYTES = 2 ** 20;

/**
 * Reads the services file.
 *
 * @throws {ConfigError} with all problems, if it is invalid, cannot be read, or its mode cannot be changed
 */
export async function readServicesFile(options: ReadServicesFileOptions): Promise<LoadedServicesFile> {
  const { path, files, mode, services, config, loadVariables } = options;
  const text = await readText(options);
  if (text === undefined) return NO_SERVICES_FILE;
  // Loaded only here, with the reader of YAML: a gateway for Jeedom and MQTT alone has no such file.
  const { parseServicesFile } = await import("./services_file.ts");
  // Without variables in it, neither the environment nor .env matters.
  const variable = text.includes("${") ? await loadVariables() : () => undefined;
  const file = parseServicesFile(text, { path, services, config, variable });
  try {
    // Only now that it is known to be a services file.
    return { ...file, exists: true, tightened: mode === "strict" && await restrictToOwner(path, files) };
  } catch (error) {
    throw new ConfigError([`${path} ${errorText(error)}`], [], [], file.variables);
  }
}

/** Returns the text of the file; undefined if there is none. */
async function readText({ path, files }: ReadServicesFileOptions): Promise<string | undefined> {
  try {
    // Reading a pipe or a device might never end.
    const { isFile, size } = await files.stat(path);
    if (!isFile || size > MAX_FILE_BYTES) {
      throw new ConfigError([`${path} must be an ordinary file of at most ${MAX_FILE_BYTES} bytes`]);
    }
    return await files.readTextFile(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (errorName(error) !== "NotFound") {
      throw new ConfigError([`${path} cannot be read (${errorName(error)}): check its path, owner and mode`]);
    }
    if (!await files.lstat(path).then(({ isSymlink }) => isSymlink, () => false)) return undefined;
    throw new ConfigError([
      `${path} is a link to a file that does not exist: mount the disk that it is on, or remove the link`,
    ]);
  }
}
