/**
 * Wait for a connection to Valkey or Redis that was just opened, or was lost a moment ago.
 *
 * @module
 */
import type { RedisClient, RedisConnection } from "./redis_connection.ts";

/**
 * Returns the client of a connection, and waits for it.
 *
 * @param timeoutMs longest wait, in milliseconds
 * @returns undefined if there is none in time
 */
export async function connectedClient(
  connection: Pick<RedisConnection, "client" | "onConnect">,
  timeoutMs: number,
): Promise<RedisClient | undefined> {
  if (connection.client !== undefined) return connection.client;
  const { promise, resolve } = Promise.withResolvers<RedisClient | undefined>();
  const timer = setTimeout(() => resolve(undefined), timeoutMs);
  const stop = connection.onConnect(resolve);
  const client = await promise;
  clearTimeout(timer);
  stop();
  return client;
}
