/**
 * Session of a subcommand of `actions`: the services file, the keys and the console.
 *
 * @module
 */
import { readKeyRecords } from "../../app/key_store.ts";
import { readVariables } from "../../config/configuration.ts";
import { ConfigError } from "../../config/parse.ts";
import { parseServicesFile } from "../../config/services_file.ts";
import type { Config } from "../../config/settings.ts";
import { KeyFileError } from "../../keys/default_key_file.ts";
import type { KeyRecord } from "../../keys/schema.ts";
import { editFile } from "../../lib/edit_file.ts";
import { errorText } from "../../lib/errors.ts";
import { isObject } from "../../lib/json.ts";
import { parseYaml, YamlError } from "../../lib/yaml.ts";
import type { Platform } from "../../platform.ts";
import { ActionGrants } from "../../services/action/rights.ts";
import { ACTIONS_SECTION } from "../../services/action/section.ts";
import { ACTION } from "../../services/action/service.ts";
import type { ServiceModule } from "../../services/service.ts";
import { onlyArgument, UsageError } from "../args.ts";

/** Actions as the services file has them, with its variables not filled in. */
export type RawActions = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/** Error for a services file that cannot be read or written. */
export class ServicesFileError extends Error {}

/** Error for a lock that another process holds for too long. */
export class ServicesFileLockedError extends Error {}

/** Services file and console of a subcommand. */
export interface ActionsSession {
  /** Arguments of the subcommand. */
  readonly args: readonly string[];
  /** Usage of the subcommand, for messages about its arguments. */
  readonly usage: string;
  /** Path of the services file. */
  readonly path: string;
  /** Prints a line. */
  readonly print: (line: string) => void;
  /** Prints a warning below all other output, when the subcommand has ended. */
  readonly warn: (line: string) => void;
  /**
   * Reads the actions; none when there is no file.
   *
   * @throws `ServicesFileError`
   */
  read(): Promise<RawActions>;
  /**
   * Changes the text of the services file. An error of `change` aborts the edit, with nothing written.
   *
   * @param change returns the new text; it gets the old one, which is empty when there is no file, and its actions
   * @throws `ServicesFileError`, `ServicesFileLockedError`; `UsageError` if the file would become invalid
   */
  edit(change: (text: string, actions: RawActions) => string): Promise<void>;
  /**
   * Lists the keys that may run an action. Keys that cannot be read are a warning.
   */
  keysFor(name: string): Promise<readonly string[]>;
}

/** Options of a session. */
export interface ActionsSessionOptions extends Pick<ActionsSession, "args" | "usage" | "warn"> {
  /** The settings. */
  readonly config: Config;
  /** The services that have sections in the file. */
  readonly services: readonly ServiceModule[];
  /** The machine. */
  readonly platform: Pick<Platform, "env" | "files" | "print">;
}

/** Opens a session on the configured files. */
export function openSession({ platform, config, services, ...given }: ActionsSessionOptions): ActionsSession {
  const { files, print } = platform;
  const { file: path } = config.services;
  const readText = async (path: string): Promise<string> => {
    try {
      return await files.readTextFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw new ServicesFileError(`Services file "${path}" cannot be read: ${errorText(error)}`);
    }
  };
  return {
    ...given,
    path,
    print,
    read: async () => actionsIn(await readText(path)),
    async edit(change) {
      const variable = await readVariables(platform);
      await editFile(path, async (target) => {
        const before = await readText(target);
        const text = editText(path, () => change(before, actionsIn(before)));
        assertValid(() => parseServicesFile(text, { path, variable, services, config }));
        return { text, result: undefined };
      }, { name: "Services file", files, Failure: ServicesFileError, Locked: ServicesFileLockedError });
    },
    async keysFor(name) {
      return (await readKeys(config, { files, services, warn: given.warn })).filter(({ rights: { [ACTION]: own } }) =>
        own !== undefined && new ActionGrants(own).mayRun(name)
      ).map(({ name }) => name);
    },
  };
}

async function readKeys(config: Config, { files, services, warn }: {
  readonly files: Platform["files"];
  readonly services: readonly ServiceModule[];
  readonly warn: (line: string) => void;
}): Promise<readonly KeyRecord[]> {
  try {
    // Only the command "keys" changes the mode of a file.
    return await readKeyRecords(config, { files, services }) ?? [];
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    warn(error.message);
    return [];
  }
}

/** Returns the actions in the text of a valid services file. */
function actionsIn(text: string): RawActions {
  const content = parseYaml(text);
  const section = isObject(content) ? content[ACTIONS_SECTION.name] : undefined;
  const entries = isObject(section) ? Object.entries(section) : [];
  return new Map(entries.flatMap(([name, action]) => isObject(action) ? [[name, action]] : []));
}

/** Makes an error for the operator of a text that cannot be edited. */
function editText(path: string, edit: () => string): string {
  try {
    return edit();
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw new ServicesFileError(`Services file "${path}" ${error.message}`);
  }
}

/** Checks that the gateway can read the new text: an invalid file would keep it from starting. */
function assertValid(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new UsageError(["Nothing is changed, as the file would be invalid:", ...error.problems].join("\n  "));
  }
}

/**
 * Finds an action by its name.
 *
 * @throws {UsageError} with the names of the actions, if there is none with this name
 */
export function findAction(actions: RawActions, name: string): Readonly<Record<string, unknown>> {
  const action = actions.get(name);
  if (action !== undefined) return action;
  const known = [...actions.keys()].join(", ");
  throw new UsageError(
    `There is no action "${name}"` +
      (known === "" ? `: add it with deno task actions add ${name}` : `. There are: ${known}`),
  );
}

/**
 * Returns the only argument of a subcommand: the name of an action.
 *
 * @throws {UsageError} if there is none, or more
 */
export function oneName(positionals: readonly string[], { usage }: Pick<ActionsSession, "usage">): string {
  return onlyArgument(positionals, { meaning: "name of an action", usage });
}
