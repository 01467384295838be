/**
 * Where requests are remembered and paces are counted: in the memory of the process, or in Valkey/Redis.
 *
 * @module
 */
import type { Config } from "../config.ts";
import type { Log } from "../observability/log.ts";
import { createMemoryReplayStore } from "../security/memory_replay_store.ts";
import { inMemory, type MakeCounter } from "../security/rate_limiter.ts";
import type { ReplayStore } from "../security/replay_store.ts";

/** A store in use. */
export interface OpenStore {
  /** The memory of accepted requests. */
  readonly replays: ReplayStore;
  /** Makes the counters of paces. */
  readonly makeCounter: MakeCounter;
  /** Lets go of it. */
  close(): Promise<void>;
}

/** Opens the configured store. */
export async function openStore(config: Config, _log: Log): Promise<OpenStore> {
  const replays = createMemoryReplayStore({
    seconds: 2 * config.MAX_AGE_SECONDS,
    maxBytes: config.REPLAY_MEMORY_BYTES,
    maxAnswerBytes: config.REPLAY_ANSWER_BYTES,
    since: Date.now() / 1000,
    monotonic: () => performance.now(),
  });
  return await Promise.resolve({ replays, makeCounter: inMemory, close: () => replays.close() });
}
