/**
 * Opens Valkey or Redis, which all replicas of the gateway share.
 *
 * @module
 */
import { readRedisServers } from "../config/redis_options.ts";
import type { Config } from "../config/settings.ts";
import type { Log } from "../observability/log.ts";
import type { Platform } from "../platform.ts";
import type { OwnConnectionOptions } from "../store/redis_connection.ts";
import type { RedisServer } from "../store/redis_server.ts";

/** An open server. */
export interface OpenRedisServer extends RedisServer {
  /** Closes the shared connection, after all that use it. */
  close(): Promise<void>;
}

/**
 * Starts to connect, and does not wait for the server.
 *
 * @returns undefined if REDIS_URL is not set
 * @throws {Error} if the file of a setting cannot be used, with the name of the setting
 */
export async function openRedisServer(
  { redis: config }: Config,
  platform: Pick<Platform, "files">,
  log: Log,
): Promise<OpenRedisServer | undefined> {
  const { url } = config;
  if (url === undefined) return undefined;
  const servers = await readRedisServers(url, config, platform);
  // Loaded only when needed: most gateways use no Redis.
  const [{ openRedis }, { RedisConnectionLog }, { keyPrefix }] = await Promise.all([
    import("../store/redis_connection.ts"),
    import("../store/redis_connection_log.ts"),
    import("../store/redis_keys.ts"),
  ]);
  const reports = new RedisConnectionLog(log);
  const connect = (options?: OwnConnectionOptions) =>
    openRedis({ ...servers, ...options, random: Math.random, reports });
  const connection = connect();
  return { connection, connect, prefix: keyPrefix(url), close: () => connection.close() };
}
