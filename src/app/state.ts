/**
 * Durable state: on Valkey or Redis where it is configured, otherwise in a file beside the key file.
 *
 * @module
 */
import type { Config } from "../config/settings.ts";
import type { Log } from "../observability/log.ts";
import type { Platform } from "../platform.ts";
import type { RedisServer } from "../store/redis_server.ts";
import type { RedisRunner } from "../store/state/redis_database.ts";
import { SqliteState } from "../store/state/sqlite_state.ts";
import { stateFileOf } from "../store/state/state_file.ts";
import type { StateStore } from "../store/state/state_store.ts";

/** Durable state that is open. */
export interface OpenState extends StateStore {
  /** Uses the store once. @throws `StateStoreError` with the remedy if it cannot be used */
  check(): Promise<void>;
  /** Closes the store. Later uses fail. */
  close(): Promise<void>;
}

/**
 * Opens the durable state.
 *
 * @param redis Valkey or Redis, which the caller closes later; undefined for a file
 * @param movesFile true to move what is in the file to Redis before the first use, once; the log says so
 */
export async function openState(
  { keys: { secretKeyFile, fileMode: mode } }: Config,
  { files }: Pick<Platform, "files">,
  { redis, log, movesFile }: {
    readonly redis: RedisServer | undefined;
    readonly log: Log;
    readonly movesFile: boolean;
  },
): Promise<OpenState> {
  const file = { path: stateFileOf(secretKeyFile), files, mode, log };
  if (redis === undefined) return new SqliteState(file);
  // Loaded only when needed: most gateways use no Redis.
  const [{ RedisState }, { importStateFile }] = await Promise.all([
    import("../store/state/redis_state.ts"),
    import("../store/state/redis_import.ts"),
  ]);
  const prepare = movesFile ? (database: RedisRunner) => importStateFile(database, file) : undefined;
  return new RedisState({ server: redis, log, prepare });
}
