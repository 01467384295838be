/**
 * How things stand in a running gateway, gathered from its parts when somebody asks.
 *
 * @module
 */
import type { EventEncoder } from "../streams/event_encoder.ts";
import type { Limiters } from "../gateway/limits.ts";
import type { StreamRegistry } from "../streams/stream_registry.ts";
import type { Readiness } from "../http/readiness.ts";
import type { BrokerPool } from "../mqtt/pool.ts";
import type { MemoryHistory } from "../mqtt/hub/memory_history.ts";
import type { Gauges } from "../observability/telemetry.ts";
import type { LiveKeyring } from "../keys/keyring.ts";
import type { OpenStore } from "./store.ts";

/** The parts of a gateway that have something to tell. */
export interface GaugeSources {
  /** The streams that are open. */
  readonly streams: StreamRegistry;
  /** What is under way. */
  readonly limiters: Limiters;
  /** The messages that are kept. */
  readonly history: MemoryHistory;
  /** The events that are kept. */
  readonly encoder: EventEncoder;
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
export function readGauges(sources: GaugeSources): Gauges {
  const { streams, limiters, history, encoder, brokers, store, keyring, readiness, now } = sources;
  const { connections, subscriptions, listeners } = brokers.usage;
  return {
    queueBytes: streams.waitingBytes,
    backlogBytes: limiters.backlog.bytes,
    unreadBytes: limiters.unread.bytes,
    ringBytes: history.bytes,
    sharedEventBytes: encoder.sharedBytes,
    subscriptions,
    listeners,
    brokerConnections: connections,
    replays: store.usage?.(),
    bodies: limiters.bodies.size,
    running: limiters.requestLimiter.size,
    up: Object.fromEntries(readiness.up),
    isReady: readiness.isReady,
    keys: [...keyring.expiryByName].map(([name, ends]) => ({
      name,
      expiresInSeconds: ends === undefined ? undefined : (ends - now()) / 1000,
    })),
  };
}
