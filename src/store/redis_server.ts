/**
 * Server of Valkey or Redis, as the parts of the gateway use it.
 *
 * @module
 */
import type { RedisConnection } from "./redis_connection.ts";

/** Options of a connection for one part of the gateway. */
export interface OwnConnectionOptions {
  /** Time limit of replies, in milliseconds; that of the shared connection by default. */
  readonly replyTimeoutMs?: number;
  /** Bytes of a reply up to which it may take longer, while it goes on to arrive; none by default. */
  readonly largeReplyBytes?: number;
}

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
