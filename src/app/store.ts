/**
 * Store of accepted requests and of rate limit counters: in memory, or in Valkey/Redis.
 *
 * @module
 */
import type { Config } from "../config/settings.ts";
import type { Log } from "../observability/log.ts";
import { ClockWatch } from "../store/clock_watch.ts";
import type { MetricRegistry } from "../observability/telemetry.ts";
import { createMemoryReplayStore, type MemoryReplayStore } from "../store/memory_replay.ts";
import { type CounterFactory, memoryCounter } from "../limits/rate_limiter.ts";
import type { RedisServer } from "../store/redis_server.ts";
import {
  follows,
  handoverFileOf,
  type HandoverFileSystem,
  MAX_REQUESTS,
  type ReplayHandover,
  takeHandover,
  writeHandover,
} from "../store/replay_handover.ts";
import type { ReplayStore, RequestIdentity } from "../store/replay_store.ts";

/** An open store. */
export interface OpenStore {
  /** Replay store. */
  readonly replays: ReplayStore;
  /** Creates counters for rate limits. */
  readonly createCounter: CounterFactory;
  /** Settles when no new request can be mistaken for one that an earlier process may have run. */
  begun(): Promise<void>;
  /**
   * Refuses all further requests but repeats, as another process may take them once the port is free, and hands over to
   * that process which ones ran.
   */
  end(): Promise<void>;
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
  /** File system, for the handover between processes. */
  readonly files: HandoverFileSystem;
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
  /** Returns the ids of the keys in force. */
  readonly kids: () => readonly string[];
}

/** Opens the configured store. Until Redis is available, no request is accepted. */
export async function openStore(config: Config, options: StoreOptions): Promise<OpenStore> {
  const { redis, files, now, monotonic, aloneSince = monotonic() } = options;
  const aloneSinceWall = now() - (monotonic() - aloneSince);
  // With Redis as well: after this process, a gateway without it would not know what ran meanwhile.
  const handover = await takeHandover(handoverFileOf(config.keys.secretKeyFile), files);
  return redis === undefined
    ? openMemory(config, options, { aloneSinceWall, handover })
    : openShared(redis, config, options);
}

function openMemory(
  config: Config,
  { files, log, metrics, now, monotonic, newKeyId, kids }: StoreOptions,
  { aloneSinceWall, handover }: { readonly aloneSinceWall: number; readonly handover: ReplayHandover | undefined },
): OpenStore {
  // Many clients send whole seconds, so a request recorded within the second of the start would look new: the store, and
  // with it the gateway, begins with the next second.
  const nextSecond = (milliseconds: number) => Math.ceil(milliseconds / 1000);
  const since = nextSecond(aloneSinceWall);
  /** Start of the store for keys of which it may not know earlier requests; off once the clock was set. */
  let sinceForOthers = since;
  const replays = createMemoryReplayStore({ limits: config.replay, since: handover?.since ?? since, monotonic });
  // Refused for certain, also of senders whose clocks are ahead. The memory may be smaller than that of the process before.
  const hasAll = handover?.requests.every((request) => addEarlier(request, replays)) ?? false;
  const previous = hasAll && handover && handover.since <= since && follows(handover, aloneSinceWall)
    ? handover
    : undefined;
  const kidsBefore = new Set(previous?.kids);
  const begin = previous?.since ?? (newKeyId === undefined ? since : since - 1);
  replays.beginAt(begin);
  /** Returns whether the store has all earlier requests of the key of a request, from its begin on. */
  const isComplete = ({ kid, keyCreated = 0 }: RequestIdentity) =>
    kidsBefore.has(kid) || kid === newKeyId || keyCreated >= aloneSinceWall;
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
      sinceForOthers = -Infinity;
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
        if (Math.floor(identity.timestamp) < sinceForOthers && !isComplete(identity)) return { kind: "forgotten" };
        return replays.claim(identity);
      },
    },
    createCounter: memoryCounter,
    // At most 1 s, even if the clock is set meanwhile; at least 0, after a slow start.
    begun() {
      // A request of any other key would be refused in the second of the start.
      const isForAll = kids().every((kid) => kidsBefore.has(kid) || kid === newKeyId);
      const waitMs = (isForAll ? begin : since) * 1000 - now();
      return new Promise((resolve) => setTimeout(resolve, Math.max(0, Math.min(waitMs, 1000))));
    },
    async end() {
      isEnded = true;
      const endedAt = now();
      const recent = replays.recent(Math.max(endedAt / 1000, sinceForOthers), MAX_REQUESTS);
      if (recent === undefined) return;
      await writeHandover(handoverFileOf(config.keys.secretKeyFile), { endedAt, kids: kids(), ...recent }, files);
    },
    isAhead: () => !replays.accepts(now() / 1000),
    close() {
      clearInterval(timer);
      return replays.close();
    },
  };
}

/** Adds a request that an earlier process ran. Returns false if there is no room for it. */
function addEarlier(request: RequestIdentity, replays: MemoryReplayStore): boolean {
  const claim = replays.claim(request);
  if (claim.kind !== "first") return false;
  claim.settle(undefined);
  return true;
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
    end: () => Promise.resolve(),
    isAhead: () => replays.since !== undefined && now() < replays.since * 1000,
    close: () => replays.close(),
  };
}
