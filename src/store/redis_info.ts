/**
 * Reply to the command INFO of Valkey and Redis.
 *
 * @module
 */
import type { RedisClient } from "./redis_connection.ts";
import { ABSENT_KEY } from "./redis_keys.ts";
import type { RedisUrl } from "../net/redis_url.ts";

/** Returns the value of a field; undefined without the field. */
export function infoField(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.+?)\\r?$`, "m").exec(info)?.[1];
}

/**
 * Checks that a server takes the gateway's commands.
 *
 * @throws {Error} with the reason and the remedy if not
 */
export async function checkServer(client: RedisClient, { topology: { kind } }: RedisUrl): Promise<void> {
  const info = await client.info();
  if (infoField(info, "role") === "slave") {
    throw new Error("It is a replica, which takes no writes: set REDIS_URL to the primary, or to sentinels");
  }
  const isInCluster = infoField(info, "cluster_enabled") === "1";
  if (kind !== "cluster" && isInCluster) throw new Error("It is a node of a cluster: use redis+cluster in REDIS_URL");
  if (kind !== "cluster") return;
  if (!isInCluster) throw new Error("It is no node of a cluster: use redis or redis+sentinel in REDIS_URL");
  await client.get(ABSENT_KEY);
}
