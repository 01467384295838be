/** Logs of replicas that share a real Redis: each has its own connections, like a process. */
import type { EventLog } from "../../src/mqtt/replicas/event_log.ts";
import { openRedis, type OwnConnectionOptions } from "../../src/store/redis_connection.ts";
import { RedisConnectionLog } from "../../src/store/redis_connection_log.ts";
import { createRedisEventLog, type EventLogLimits } from "../../src/store/redis_event_log.ts";
import type { RedisServer } from "../../src/store/redis_server.ts";
import { until } from "./deadline.ts";
import type { TestRedis } from "./redis_server.ts";

/** Options of a log. */
export interface RedisLogOptions {
  readonly limits?: EventLogLimits;
  readonly expirySeconds?: number;
  readonly timeoutMs?: number;
  /** Name and password of the user; the default one by default. */
  readonly user?: readonly [name: string, password: string];
  readonly prefix?: string;
}

const PREFIX = "test:";
const ID = "broker";

/** Beginning of the keys of the log. */
export const LOG_KEYS = `${PREFIX}log:${ID}:`;

const EMPTY = `
for _, key in ipairs(redis.call("KEYS", ARGV[1] .. "*")) do redis.call("DEL", key) end
`;

const KEEP = `
for _, key in ipairs(redis.call("KEYS", "kept:*")) do redis.call("DEL", key) end
for _, key in ipairs(redis.call("KEYS", ARGV[1] .. "*")) do redis.call("COPY", key, "kept:" .. key) end`;

const RESTORE = `${EMPTY}
for _, key in ipairs(redis.call("KEYS", "kept:*")) do redis.call("COPY", key, string.sub(key, 6)) end
if redis.call("EXISTS", ARGV[1] .. "state") == 1 then redis.call("HSET", ARGV[1] .. "state", "run", "another") end`;

const GENEROUS: EventLogLimits = { maxBytes: 2 ** 30, maxAgeMs: 2 ** 40 };

/** Opens a log, and waits for its connections; `scope` closes them. */
export async function openRedisLog(
  scope: AsyncDisposableStack,
  redis: TestRedis,
  { limits = GENEROUS, expirySeconds = 172_800, timeoutMs = 4000, user, prefix = PREFIX }: RedisLogOptions = {},
): Promise<EventLog> {
  const silent = { info() {}, warn() {} };
  const connect = (options?: OwnConnectionOptions) =>
    openRedis({
      url: redis.url(...user ?? []),
      timeoutMs,
      ...options,
      random: () => 0,
      reports: new RedisConnectionLog(silent),
    });
  const connection = connect();
  const connections = [connection];
  scope.defer(() => connection.close());
  const server: RedisServer = {
    connection,
    connect(options) {
      const own = connect(options);
      connections.push(own);
      return own;
    },
    prefix,
  };
  const log = createRedisEventLog({ server, id: ID, limits, expirySeconds, timeoutMs });
  scope.defer(() => log.close());
  await until("it is connected", () => connections.every(({ client }) => client !== undefined));
  return log;
}

/** Keeps a copy of the log on the server. */
export async function keepLog(redis: TestRedis): Promise<void> {
  await redis.command("EVAL", KEEP, "0", LOG_KEYS);
}

/** Sets the log back to the copy, as after a restart that lost the newest commands. */
export async function restoreLog(redis: TestRedis): Promise<void> {
  await redis.command("EVAL", RESTORE, "0", LOG_KEYS);
}

/** Deletes the log. */
export async function emptyLog(redis: TestRedis): Promise<void> {
  await redis.command("EVAL", EMPTY, "0", LOG_KEYS);
}
