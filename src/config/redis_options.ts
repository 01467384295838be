/**
 * Servers of Valkey or Redis, from the settings and the files that they name.
 *
 * @module
 */
import type { Platform } from "../platform.ts";
import type { RedisServers } from "../store/redis_address.ts";
import type { RedisTls } from "../store/redis_client.ts";
import type { RedisUrl } from "../net/redis_url.ts";
import type { RedisConfig } from "./redis_settings.ts";
import { readAuthorities, readPair } from "./setting_files.ts";

/**
 * Reads the certificates of TLS.
 *
 * @throws {Error} if a file cannot be used, with the name of its setting
 */
export async function readRedisTls(config: RedisConfig, platform: Pick<Platform, "files">): Promise<RedisTls> {
  return {
    ca: await readAuthorities("REDIS_CA_FILE", config.caFile, platform),
    ...await readPair("REDIS", config, platform),
  };
}

/**
 * Returns the servers of the settings.
 *
 * @param url value of REDIS_URL
 * @throws {Error} if a file cannot be used, with the name of its setting
 */
export async function readRedisServers(
  url: RedisUrl,
  config: RedisConfig,
  platform: Pick<Platform, "files">,
): Promise<RedisServers> {
  return {
    url,
    nodes: config.nodes,
    sentinelLogin: { username: config.sentinelUsername, password: config.sentinelPassword },
    tls: await readRedisTls(config, platform),
    timeoutMs: config.timeoutMs,
  };
}
