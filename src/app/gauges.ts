/**
 * How things stand in a running gateway, gathered from its parts when somebody asks.
 *
 * @module
 */
import type { EventSealer } from "../streams/event_encoder.ts";
import type { Places } from "../gateway/limits.ts";
import type { OpenStreams } from "../streams/stream_registry.ts";
import type { Readiness } from "../http/readiness.ts";
import type { BrokerPool } from "../mqtt/pool.ts";
import type { MessageLog } from "../mqtt/hub/memory_history.ts";
import type { Levels } from "../observability/telemetry.ts";
import type { LiveKeyring } from "../keys/keyring.ts";
import type { OpenStore } from "./store.ts";

/** The parts of a gateway that have something to tell. */
export interface LevelSources {
  /** The streams that are open. */
  readonly streams: OpenStreams;
  /** What is under way. */
  readonly places: Places;
  /** The messages that are kept. */
  readonly messages: MessageLog;
  /** The events that are kept. */
  readonly sealer: EventSealer;
  /** The brokers. */
  readonly brokers: BrokerPool;
  /** The requests that are remembered. */
  readonly store: OpenStore;
  /** The keys. */
  readonly keyring: LiveKeyring;
  /** Whether what is needed is there. */
  readonly readiness: Readiness;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
}

/** Reads all levels. */
export function readLevels(sources: LevelSources): Levels {
  const { streams, places, messages, sealer, brokers, store, keyring, readiness, now } = sources;
  const { connections, subscriptions, listeners } = brokers.usage;
  return {
    queueBytes: streams.waitingBytes,
    backlogBytes: places.backlog.bytes,
    unreadBytes: places.unread.bytes,
    ringBytes: messages.bytes,
    sharedEventBytes: sealer.sharedBytes,
    subscriptions,
    listeners,
    brokerConnections: connections,
    replays: store.usage?.(),
    bodies: places.bodies.size,
    running: places.running.size,
    up: Object.fromEntries(readiness.up),
    isReady: readiness.isReady,
    keys: [...keyring.ends].map(([name, ends]) => ({
      name,
      expiresInSeconds: ends === undefined ? undefined : (ends - now()) / 1000,
    })),
  };
}
