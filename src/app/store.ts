/**
 * Where requests are remembered and paces are counted: in the memory of the process, or in Valkey/Redis.
 *
 * @module
 */
import type { Config } from "../config/settings.ts";
import type { Log } from "../observability/log.ts";
import { ClockWatch } from "../store/clock_watch.ts";
import { createMemoryReplayStore, type ReplayUsage } from "../store/memory_replay.ts";
import { type CounterFactory, memoryCounter } from "../limits/rate_limiter.ts";
import type { ReplayStore } from "../store/replay_store.ts";

/** A store in use. */
export interface OpenStore {
  /** The memory of accepted requests. */
  readonly replays: ReplayStore;
  /** Makes the counters of paces. */
  readonly createCounter: CounterFactory;
  /** What it takes here; undefined in Redis. */
  readonly usage?: () => ReplayUsage;
  /** Settles when what comes can be told from what another process may have run before. */
  begun(): Promise<void>;
  /** Whether it refuses whatever is stamped now, as the clock was ahead for a while. */
  isAhead(): boolean;
  /** Lets go of it. */
  close(): Promise<void>;
}

/** From one look at the clocks to the next, in milliseconds. */
const CLOCK_CHECK_MS = 1000;

/** Begins every key in Redis that remembers a request; those of the paces begin with the same word. */
const REPLAY_PREFIX = "e2eg:replay:";

/** What a store works with. */
export interface StoreOptions {
  /** Is told what is wrong with the server, and that the clock was set. */
  readonly log: Log;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
}

/** Opens the configured store. Redis need not be there yet: until it is, no request is accepted. */
export function openStore(config: Config, options: StoreOptions): Promise<OpenStore> {
  const { redisUrl: url } = config.replay;
  return url === undefined ? Promise.resolve(openMemory(config, options)) : openShared(url, config, options);
}

/** A timestamp may be as far ahead as it may be old, so a request can come for twice as long. */
const seconds = ({ replay }: Config) => 2 * replay.maxAgeSeconds;

function openMemory(config: Config, { log, now, monotonic }: StoreOptions): OpenStore {
  // Many clients stamp in whole seconds: what was recorded within the second of the start looks like something new. So
  // the memory begins with the next one, and the gateway with it.
  const nextSecond = () => Math.ceil(now() / 1000);
  let since = nextSecond();
  const replays = createMemoryReplayStore({
    seconds: seconds(config),
    maxBytes: config.replay.memoryBytes,
    maxAnswerBytes: config.replay.answerBytes,
    since,
    monotonic,
  });
  const clock = new ClockWatch({
    now,
    monotonic,
    onStep(stepMs) {
      since = nextSecond();
      replays.beginAt(since);
      const seconds = Math.abs(Math.round(stepMs / 1000));
      const direction = stepMs < 0 ? "back" : "ahead";
      log.warn("Clock was set {direction} by {seconds} s: requests that were made before now are refused", {
        direction,
        seconds,
      });
    },
  });
  const timer = setInterval(() => clock.check(), CLOCK_CHECK_MS);
  return {
    replays: {
      ...replays,
      claim(identity) {
        // Not only now and then: until the clock was seen to be set ahead, what an earlier process ran is not refused.
        clock.check();
        return replays.claim(identity);
      },
    },
    createCounter: memoryCounter,
    usage: () => replays.usage,
    // Never longer, though the clock is set meanwhile. A slow start may have taken longer already.
    begun: () => new Promise((resolve) => setTimeout(resolve, Math.max(0, Math.min(since * 1000 - now(), 1000)))),
    isAhead: () => !replays.accepts(now() / 1000),
    close() {
      clearInterval(timer);
      return replays.close();
    },
  };
}

async function openShared(url: URL, config: Config, { log, now, monotonic }: StoreOptions): Promise<OpenStore> {
  // Loaded only here: most gateways have no Redis.
  const [{ openRedis }, { createRedisReplayStore }, { redisCounter }] = await Promise.all([
    import("../store/redis_connection.ts"),
    import("../store/redis_replay.ts"),
    import("../store/counters.ts"),
  ]);
  const connection = openRedis({ url, timeoutMs: config.replay.redisTimeoutMs, random: Math.random, log });
  const replays = createRedisReplayStore({
    connection,
    prefix: REPLAY_PREFIX,
    seconds: seconds(config),
    maxBytes: config.replay.memoryBytes,
    maxAnswerBytes: config.replay.answerBytes,
    now,
    monotonic,
    log,
  });
  return {
    replays,
    createCounter: redisCounter(connection),
    begun: () => Promise.resolve(),
    isAhead: () => replays.since !== undefined && now() < replays.since * 1000,
    async close() {
      await replays.close();
      await connection.close();
    },
  };
}
