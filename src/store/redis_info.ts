/**
 * Replies to the commands INFO and CONFIG GET of Valkey and Redis.
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

/** Reads a parameter of the server's configuration. @returns undefined if the server has none of that name */
export async function readConfig(
  client: Pick<RedisClient, "sendCommand">,
  name: string,
): Promise<string | undefined> {
  const reply = await client.sendCommand(["CONFIG", "GET", name]);
  const value = Array.isArray(reply) ? reply[1] : Object.values(reply ?? {})[0];
  return typeof value === "string" ? value : undefined;
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
