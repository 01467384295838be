/**
 * Where requests are remembered and paces are counted: in the memory of the process, or in Valkey/Redis.
 *
 * @module
 */
import type { Config } from "../config.ts";
import type { Log } from "../observability/log.ts";
import { createMemoryReplayStore, type ReplayUsage } from "../security/memory_replay_store.ts";
import { countInMemory, type MakeCounter } from "../security/rate_limiter.ts";
import type { ReplayStore } from "../security/replay_store.ts";

/** A store in use. */
export interface OpenStore {
  /** The memory of accepted requests. */
  readonly replays: ReplayStore;
  /** Makes the counters of paces. */
  readonly makeCounter: MakeCounter;
  /** What it takes here; undefined in Redis. */
  readonly usage?: () => ReplayUsage;
  /** Settles when what comes can be told from what another process may have run before. */
  begun(): Promise<void>;
  /** Lets go of it. */
  close(): Promise<void>;
}

/** Begins every key in Redis that remembers a request; those of the paces begin with the same word. */
const REPLAY_PREFIX = "e2eg:replay:";

/** Opens the configured store. Redis need not be there yet: until it is, no request is accepted. */
export function openStore(config: Config, log: Log): Promise<OpenStore> {
  const { REPLAY_REDIS_URL: url } = config;
  return url === undefined ? Promise.resolve(openMemory(config)) : openShared(url, config, log);
}

/** A timestamp may be as far ahead as it may be old, so a request can come for twice as long. */
const seconds = ({ MAX_AGE_SECONDS }: Config) => 2 * MAX_AGE_SECONDS;

function openMemory(config: Config): OpenStore {
  // Many clients stamp in whole seconds: what was recorded within the second of the start looks like something new. So
  // the memory begins with the next one, and the gateway with it.
  const since = Math.ceil(Date.now() / 1000);
  const replays = createMemoryReplayStore({
    seconds: seconds(config),
    maxBytes: config.REPLAY_MEMORY_BYTES,
    maxAnswerBytes: config.REPLAY_ANSWER_BYTES,
    since,
    monotonic: () => performance.now(),
  });
  return {
    replays,
    makeCounter: countInMemory,
    usage: () => replays.usage,
    // Never longer, though the clock is set meanwhile.
    begun: () => new Promise((resolve) => setTimeout(resolve, Math.min(since * 1000 - Date.now(), 1000))),
    close: () => replays.close(),
  };
}

async function openShared(url: URL, config: Config, log: Log): Promise<OpenStore> {
  // Loaded only here: most gateways have no Redis.
  const [{ openRedis }, { createRedisReplayStore }, { countIn }] = await Promise.all([
    import("../security/redis_connection.ts"),
    import("../security/redis_replay_store.ts"),
    import("../security/redis_counters.ts"),
  ]);
  const connection = openRedis({ url, timeoutMs: config.REPLAY_REDIS_TIMEOUT_MS, random: Math.random, log });
  const replays = createRedisReplayStore({
    connection,
    prefix: REPLAY_PREFIX,
    seconds: seconds(config),
    maxAnswerBytes: config.REPLAY_ANSWER_BYTES,
    now: () => Date.now(),
    monotonic: () => performance.now(),
    log,
  });
  return {
    replays,
    makeCounter: countIn(connection),
    begun: () => Promise.resolve(),
    async close() {
      await replays.close();
      await connection.close();
    },
  };
}
