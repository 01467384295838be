/**
 * Store of accepted requests and of rate limit counters: in memory, or in Valkey/Redis.
 *
 * @module
 */
import type { Config } from "../config/settings.ts";
import type { Log } from "../observability/log.ts";
import { ClockWatch } from "../store/clock_watch.ts";
import type { MetricRegistry } from "../observability/telemetry.ts";
import { createMemoryReplayStore } from "../store/memory_replay.ts";
import { type CounterFactory, memoryCounter } from "../limits/rate_limiter.ts";
import type { RedisServer } from "../store/redis_server.ts";
import type { ReplayStore } from "../store/replay_store.ts";

/** An open store. */
export interface OpenStore {
  /** Replay store. */
  readonly replays: ReplayStore;
  /** Creates counters for rate limits. */
  readonly createCounter: CounterFactory;
  /** Settles when no new request can be mistaken for one that an earlier process may have run. */
  begun(): Promise<void>;
  /** Refuses all further requests but repeats: as soon as the port is free, another process may take them. */
  end(): void;
  /** Returns true while requests with the current timestamp are refused, because the clock was ahead before. */
  isAhead(): boolean;
  /** Closes the store. */
  close(): Promise<void>;
}

/** Interval of comparing the clocks, in milliseconds. */
const CLOCK_CHECK_MS = 1000;

/** Options of a store. */
export interface StoreOptions {
  /** Valkey or Redis; undefined for a store in memory. */
  readonly redis: RedisServer | undefined;
  /** Logger for problems with the server, and for steps of the clock. */
  readonly log: Log;
  /** Registry for the gauges of the store. */
  readonly metrics: MetricRegistry;
  /** Wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Monotonic clock, in milliseconds. */
  readonly monotonic: () => number;
  /** Time of the monotonic clock from which on no earlier process takes requests; now by default. */
  readonly aloneSince?: number | undefined;
  /** Id of the key that this process created: no earlier process can have run its requests. */
  readonly newKeyId?: string | undefined;
}

/** Opens the configured store. Until Redis is available, no request is accepted. */
export function openStore(config: Config, options: StoreOptions): Promise<OpenStore> {
  const { redis } = options;
  return redis === undefined ? Promise.resolve(openMemory(config, options)) : openShared(redis, config, options);
}

function openMemory(config: Config, { log, metrics, now, monotonic, ...options }: StoreOptions): OpenStore {
  const { aloneSince = monotonic(), newKeyId } = options;
  // Many clients send whole seconds, so a request recorded within the second of the start would look new: the store, and
  // with it the gateway, begins with the next second.
  const nextSecond = (milliseconds: number) => Math.ceil(milliseconds / 1000);
  const aloneSinceWall = now() - (monotonic() - aloneSince);
  const since = nextSecond(aloneSinceWall);
  /** Start of the store for all keys but new ones, which began within the second before; off once the clock was set. */
  let sinceForOldKeys = since;
  const replays = createMemoryReplayStore({
    limits: config.replay,
    since: newKeyId === undefined ? since : since - 1,
    monotonic,
  });
  metrics.gauge({
    name: "e2e_gateway_replay_entries",
    help: "Requests in the replay store in memory; absent with Redis",
    read: () => replays.usage.entries,
  });
  metrics.gauge({
    name: "e2e_gateway_replay_bytes",
    help: "Bytes of the replay store in memory, including kept answers; absent with Redis",
    read: () => replays.usage.bytes,
  });
  const clock = new ClockWatch({
    now,
    monotonic,
    onStep(stepMs) {
      sinceForOldKeys = -Infinity;
      replays.beginAt(nextSecond(now()));
      log.warn("Clock was set {direction} by {seconds} s: requests that were made before now are refused", {
        direction: stepMs < 0 ? "back" : "ahead",
        seconds: Math.abs(Math.round(stepMs / 1000)),
      });
    },
  });
  const timer = setInterval(() => clock.check(), CLOCK_CHECK_MS);
  let isEnded = false;
  return {
    replays: {
      ...replays,
      claim(identity) {
        if (isEnded) {
          const known = replays.recall(identity);
          return known.kind === "repeat" ? known : { kind: "unavailable" };
        }
        // Not only by the timer: a request of an earlier process is refused only once the step of the clock is detected.
        clock.check();
        const { kid, timestamp, keyCreated = 0 } = identity;
        const isNew = kid === newKeyId || keyCreated >= aloneSinceWall;
        if (Math.floor(timestamp) < sinceForOldKeys && !isNew) return { kind: "forgotten" };
        return replays.claim(identity);
      },
    },
    createCounter: memoryCounter,
    // At most 1 s, even if the clock is set meanwhile; at least 0, after a slow start.
    begun: () =>
      newKeyId === undefined
        ? new Promise((resolve) => setTimeout(resolve, Math.max(0, Math.min(since * 1000 - now(), 1000))))
        : Promise.resolve(),
    end: () => void (isEnded = true),
    isAhead: () => !replays.accepts(now() / 1000),
    close() {
      clearInterval(timer);
      return replays.close();
    },
  };
}

async function openShared(
  redis: RedisServer,
  config: Config,
  { log, now, monotonic }: StoreOptions,
): Promise<OpenStore> {
  // Loaded only when needed: most gateways use no Redis.
  const [{ createRedisReplayStore }, { redisCounter }, { overlapMs }] = await Promise.all([
    import("../store/redis_replay.ts"),
    import("../store/counters.ts"),
    import("../store/redis_address.ts"),
  ]);
  const { url, timeoutMs } = config.redis;
  const replays = createRedisReplayStore({
    connection: redis.connection,
    prefix: `${redis.prefix}replay:`,
    overlapMs: url === undefined ? 0 : overlapMs({ url, timeoutMs }),
    limits: config.replay,
    now,
    monotonic,
    log,
  });
  return {
    replays,
    createCounter: redisCounter(redis),
    begun: () => Promise.resolve(),
    // Other processes use the same store.
    end() {},
    isAhead: () => replays.since !== undefined && now() < replays.since * 1000,
    close: () => replays.close(),
  };
}
