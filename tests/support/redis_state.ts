/** Durable state on a real Redis, for tests. */
import { SILENT_LOG } from "../../src/observability/log.ts";
import { openRedis } from "../../src/store/redis_connection.ts";
import { RedisConnectionLog } from "../../src/store/redis_connection_log.ts";
import type { RedisUrl } from "../../src/net/redis_url.ts";
import type { RedisServer } from "../../src/store/redis_server.ts";
import { until } from "./deadline.ts";
import { RedisState, type RedisStateOptions } from "../../src/store/state/redis_state.ts";

/** State, and the server that it is on as one process sees it. */
export interface OpenRedisState {
  readonly state: RedisState;
  readonly server: RedisServer;
  close(): Promise<void>;
}

/** Arguments of a server that keeps what is waited for, also one without `WAITAOF`. */
export const DURABLE = { appendonly: true, args: ["--appendfsync", "always"] } as const;

/** Opens the state on a server, as a process of its own does. */
export function openRedisState(
  url: RedisUrl,
  options: Partial<Omit<RedisStateOptions, "server">> & { readonly timeoutMs?: number; readonly prefix?: string } = {},
): OpenRedisState {
  const { timeoutMs = 4000, prefix = "test:", log = SILENT_LOG, ...others } = options;
  const reports = new RedisConnectionLog(log);
  const connect = () => openRedis({ url, timeoutMs, random: () => 0, reports });
  const server: RedisServer = { connection: connect(), connect, prefix };
  const state = new RedisState({ server, log, ...others });
  return {
    state,
    server,
    async close() {
      await state.close();
      await server.connection.close();
    },
  };
}

/** Runs a test with the state on a server. */
export async function withRedisState(
  url: RedisUrl,
  test: (state: RedisState, opened: OpenRedisState) => Promise<void>,
): Promise<void> {
  const opened = openRedisState(url);
  try {
    // The state itself waits for a moment only.
    await until("a connection", () => opened.server.connection.client !== undefined);
    await test(opened.state, opened);
  } finally {
    await opened.close();
  }
}

/** Runs a test with a function that opens the state on a server as another process does; all are closed at its end. */
export async function openingRedisStates(
  url: RedisUrl,
  test: (open: (options?: Parameters<typeof openRedisState>[1]) => OpenRedisState) => Promise<void>,
): Promise<void> {
  const opened: OpenRedisState[] = [];
  try {
    await test((options) => {
      const one = openRedisState(url, options);
      opened.push(one);
      return one;
    });
  } finally {
    for (const one of opened) await one.close();
  }
}
