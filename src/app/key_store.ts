/**
 * Place of the keys' records, as the settings say: the keys file, or Redis.
 *
 * @module
 */
import type { Config } from "../config/settings.ts";
import { createFileKeyStore } from "../keys/file_key_store.ts";
import type { KeyStore } from "../keys/key_store.ts";
import { createKeysCopy, keysCopyPath } from "../keys/keys_copy.ts";
import { KeysCipher } from "../keys/keys_cipher.ts";
import { loadMasterKey } from "../keys/master_key.ts";
import { createRedisKeyStore } from "../keys/redis_key_store.ts";
import type { GrantableService } from "../keys/rights.ts";
import type { Log } from "../observability/log.ts";
import type { Platform } from "../platform.ts";
import { randomBytes } from "../protocol/bytes.ts";
import type { RedisServer } from "../store/redis_server.ts";

/** Dependencies of the place. */
export interface KeyStoreOptions {
  /** File system. */
  readonly files: Platform["files"];
  /** Services that keys may be granted. */
  readonly services: readonly GrantableService[];
  /** Server of Redis; undefined without `REDIS_URL`. */
  readonly server: RedisServer | undefined;
  /** Logger for problems. */
  readonly log: Log;
}

/**
 * Opens the place of the records.
 *
 * @throws `KeyFileError` if the master key cannot be used
 */
export async function openKeyStore(
  { keys, redis }: Config,
  { files, services, server, log }: KeyStoreOptions,
): Promise<KeyStore> {
  const { keysFile, secretKeyFile, masterKeyFile, fileMode: mode } = keys;
  if (keys.redis === "off" || masterKeyFile === undefined || server === undefined) {
    return createFileKeyStore(keysFile, { files, mode, services });
  }
  const { secret, tightened } = await loadMasterKey(masterKeyFile, { files, mode });
  if (tightened) log.warn("Key file {file} could be read by others: its mode is 0600 now", { file: masterKeyFile });
  return createRedisKeyStore({
    server,
    cipher: new KeysCipher(secret, randomBytes),
    copy: createKeysCopy(keysCopyPath(secretKeyFile), files),
    services,
    timeoutMs: redis.timeoutMs,
    now: Date.now,
    log,
  });
}
