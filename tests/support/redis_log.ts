/** Logs of replicas that share a real Redis: each has its own connections, like a process. */
import type { EventLog } from "../../src/mqtt/replicas/event_log.ts";
import { openRedis } from "../../src/store/redis_connection.ts";
import { createRedisEventLog, type EventLogLimits } from "../../src/store/redis_event_log.ts";
import type { RedisServer } from "../../src/store/redis_server.ts";
import { until } from "./deadline.ts";
import type { TestRedis } from "./redis_server.ts";

/** Options of a log. */
export interface RedisLogOptions {
  readonly limits?: EventLogLimits;
  readonly timeoutMs?: number;
}

/** Prefix of all keys. */
export const LOG_PREFIX = "test:";
/** Name of the log. */
export const LOG_ID = "broker";

const GENEROUS: EventLogLimits = { maxBytes: 2 ** 30, maxAgeMs: 2 ** 40 };

/** Opens a log, and waits for its connections; `scope` closes them. */
export async function openRedisLog(
  scope: AsyncDisposableStack,
  redis: TestRedis,
  { limits = GENEROUS, timeoutMs = 4000 }: RedisLogOptions = {},
): Promise<EventLog> {
  const silent = { info() {}, warn() {} };
  const connect = () => openRedis({ url: redis.url(), timeoutMs, random: () => 0, log: silent });
  const connection = connect();
  const connections = [connection];
  scope.defer(() => connection.close());
  const server: RedisServer = {
    connection,
    connect() {
      const own = connect();
      connections.push(own);
      return own;
    },
    prefix: LOG_PREFIX,
  };
  const log = createRedisEventLog({ server, id: LOG_ID, limits, timeoutMs });
  scope.defer(() => log.close());
  await until("it is connected", () => connections.every(({ client }) => client !== undefined));
  return log;
}
