/**
 * Place of the keys' records, as the settings say: the keys file, or Redis.
 *
 * @module
 */
import type { Config } from "../config/settings.ts";
import { KeyFileError } from "../keys/default_key_file.ts";
import { createFileKeyStore } from "../keys/file_key_store.ts";
import type { KeyStore } from "../keys/key_store.ts";
import type { KeysCopy } from "../keys/keys_copy.ts";
import type { GrantableService } from "../keys/rights.ts";
import type { KeyRecord } from "../keys/schema.ts";
import { errorText } from "../lib/errors.ts";
import { type Log, SILENT_LOG } from "../observability/log.ts";
import { loadMasterKey } from "../keys/master_key.ts";
import type { Platform } from "../platform.ts";
import { type Bytes, randomBytes } from "../protocol/bytes.ts";
import type { RedisServer } from "../store/redis_server.ts";
import { warnOfMode } from "./key_file_mode.ts";
import { type OpenRedisServer, openRedisServer } from "./redis.ts";

/** Dependencies of the place. */
export interface KeyStoreOptions {
  /** File system. */
  readonly files: Platform["files"];
  /** Services that keys may be granted. */
  readonly services: readonly GrantableService[];
  /** Server of Redis; undefined without `REDIS_URL`. */
  readonly server: RedisServer | undefined;
  /** Master key; undefined with `KEYS_REDIS=off`. */
  readonly masterKey: Bytes | undefined;
  /** Logger for problems. */
  readonly log: Log;
  /** Copy of the newest records in Redis; that on this machine by default. */
  readonly copy?: KeysCopy;
}

/**
 * Reads the master key, under which the keys and the VAPID key are encrypted in Redis.
 *
 * @returns undefined with `KEYS_REDIS=off`
 * @throws {KeyFileError} if its file cannot be used
 */
export async function readMasterKey(
  { keys: { redis, masterKeyFile, fileMode: mode } }: Config,
  { files, log }: Pick<KeyStoreOptions, "files" | "log">,
): Promise<Bytes | undefined> {
  if (redis === "off" || masterKeyFile === undefined) return undefined;
  const { secret, tightened } = await loadMasterKey(masterKeyFile, { files, mode });
  if (tightened) warnOfMode(masterKeyFile, log);
  return secret;
}

/** Opens the place of the records. */
export async function openKeyStore(
  { keys: { keysFile, secretKeyFile, fileMode: mode }, redis }: Config,
  { files, services, server, masterKey, log, copy: given }: KeyStoreOptions,
): Promise<KeyStore> {
  if (masterKey === undefined || server === undefined) {
    return createFileKeyStore(keysFile, { files, mode, services });
  }
  // Loaded only when needed: most gateways use no Redis.
  const [{ KeysCipher }, { createKeysCopy, keysCopyPath }, { createRedisKeyStore }] = await Promise.all([
    import("../keys/keys_cipher.ts"),
    import("../keys/keys_copy.ts"),
    import("../keys/redis_key_store.ts"),
  ]);
  const cipher = new KeysCipher(masterKey, randomBytes);
  const copy = given ?? createKeysCopy(keysCopyPath(secretKeyFile), files);
  return createRedisKeyStore({ server, cipher, copy, services, timeoutMs: redis.timeoutMs, now: Date.now, log });
}

/**
 * Connects to Redis for a command.
 *
 * @returns undefined if REDIS_URL is not set
 * @throws {KeyFileError} if the file of a setting cannot be used
 */
export async function openRedisOfCommand(
  config: Config,
  platform: Pick<Platform, "files">,
): Promise<OpenRedisServer | undefined> {
  try {
    return await openRedisServer(config, platform, SILENT_LOG);
  } catch (error) {
    throw new KeyFileError(errorText(error));
  }
}

/** Copy for commands that change nothing, not even on this machine. */
const NO_COPY: KeysCopy = { read: () => Promise.resolve(undefined), write: () => Promise.resolve() };

/**
 * Reads the records, and changes nothing: no mode of a file either.
 *
 * @returns undefined if their place is not there yet
 * @throws `KeyFileError` if they cannot be read
 */
export async function readKeyRecords(
  config: Config,
  { files, services }: Pick<KeyStoreOptions, "files" | "services">,
): Promise<readonly KeyRecord[] | undefined> {
  const untouched: Config = { ...config, keys: { ...config.keys, fileMode: "ignore" } };
  const server = config.keys.redis === "on" ? await openRedisOfCommand(config, { files }) : undefined;
  try {
    const log = SILENT_LOG;
    const masterKey = await readMasterKey(untouched, { files, log });
    const store = await openKeyStore(untouched, { files, services, server, masterKey, log, copy: NO_COPY });
    return (await store.read())?.keys;
  } finally {
    await server?.close();
  }
}
