/**
 * Keys of the gateway in Valkey or Redis.
 *
 * @module
 */
import type { RedisUrl } from "../net/redis_url.ts";

/** Returns the prefix of all keys: in a cluster with a hash tag, so that they are in one slot, as scripts need. */
export function keyPrefix({ topology: { kind } }: RedisUrl): "e2eg:" | "{e2eg}:" {
  return kind === "cluster" ? "{e2eg}:" : "e2eg:";
}

/** Key in the slot of all keys of a cluster; it never exists. */
export const ABSENT_KEY = "{e2eg}:none";
