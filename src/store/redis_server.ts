/**
 * Server of Valkey or Redis, as the parts of the gateway use it.
 *
 * @module
 */
import type { OwnConnectionOptions, RedisConnection } from "./redis_connection.ts";

/** A server that is shared by all replicas. */
export interface RedisServer {
  /** Connection for commands that answer at once, used by all parts. */
  readonly connection: RedisConnection;
  /**
   * Opens a connection of its own, for commands that wait or are large; the caller closes it. A command may wait for half
   * of the time limit of replies at most: the connection is taken for lost when nothing is answered.
   */
  connect(options?: OwnConnectionOptions): RedisConnection;
  /**
   * Prefix of all keys: `e2eg:`, or `{e2eg}:` in a cluster, so that all keys are in one slot, as a script needs.
   */
  readonly prefix: string;
}
