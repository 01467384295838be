/**
 * What the rest of the gateway knows of a connection to Valkey or Redis: the few commands that it uses.
 *
 * @module
 */

/** How to set a key. */
export interface SetOptions {
  /** Only if it is there. */
  readonly condition: "XX";
  /** To be forgotten when it was to be before. */
  readonly expiration: { readonly type: "KEEPTTL" };
}

/**
 * Passes commands to whatever connection there is: the `storeClient` of `RateLimiterRedis`, together with
 * `useRedisPackage: true` and `rejectIfRedisNotReady: true`. Without a connection, commands fail at once.
 */
export interface RedisLimitsClient {
  /** Whether there is a connection. */
  readonly isReady: boolean;
  /** Runs a script. */
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  /** Collects commands to send together. */
  multi(): unknown;
  /** Removes a key. */
  del(key: string): Promise<number>;
}

/** One connection. When it ends, its commands fail at once and for ever; none goes out on another connection. */
export interface RedisClient extends RedisLimitsClient {
  /** Reads a key. */
  get(key: string): Promise<string | null>;
  /** Sets a key. */
  set(key: string, value: string, options?: SetOptions): Promise<string | null>;
  /** Reads what the server says of itself. */
  info(): Promise<string>;
}
