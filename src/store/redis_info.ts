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

/** Reason for which a server may forget requests at any time, and its remedy. */
export interface ServerFault {
  /** The reason, as a sentence. */
  readonly fault: string;
  /** The remedy, as a sentence. */
  readonly remedy: string;
}

/** Returns what a server is or has set, for which it may forget requests at any time; undefined if nothing is. */
export function findServerFault(info: string): ServerFault | undefined {
  const version = infoField(info, "redis_version") ?? "unknown";
  if (!(Number.parseInt(version) >= 7)) {
    return { fault: `Its version "${version}" is too old`, remedy: "Use Redis 7 or later, or Valkey 7.2 or later" };
  }
  const policy = infoField(info, "maxmemory_policy") ?? "unknown";
  if (infoField(info, "maxmemory") === "0" || policy === "noeviction") return undefined;
  return {
    fault: `It evicts keys: its maxmemory-policy is "${policy}"`,
    remedy: "Set maxmemory-policy noeviction there",
  };
}

/**
 * Checks that a server takes the gateway's commands.
 *
 * @throws {Error} with the reason if not, whose remedy `redisRemedy` knows
 */
export async function checkServer(client: RedisClient, { topology: { kind } }: RedisUrl): Promise<void> {
  const info = await client.info();
  if (infoField(info, "redis_mode") === "sentinel") throw new Error("It is a sentinel");
  if (infoField(info, "role") === "slave") throw new Error("It is a replica, which takes no writes");
  const isInCluster = infoField(info, "cluster_enabled") === "1";
  if (kind !== "cluster" && isInCluster) throw new Error("It is a node of a cluster");
  if (kind !== "cluster") return;
  if (!isInCluster) throw new Error("It is no node of a cluster");
  await client.get(ABSENT_KEY);
}
