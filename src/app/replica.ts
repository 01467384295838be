/**
 * Opens the log of messages that all replicas of the gateway share.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Config } from "../config/settings.ts";
import { SYSTEM_CLOCK } from "../lib/clock.ts";
import type { Deadlines } from "../lib/deadlines.ts";
import { errorText } from "../lib/errors.ts";
import type { BrokerAddress } from "../mqtt/broker.ts";
import { SHARED_HISTORY_PART } from "../mqtt/pool.ts";
import type { Replica } from "../mqtt/replicas/replica.ts";
import { addressFault } from "../net/egress.ts";
import type { Log } from "../observability/log.ts";
import type { MetricRegistry } from "../observability/telemetry.ts";
import { randomBytes } from "../protocol/bytes.ts";
import type { RedisServer } from "../store/redis_server.ts";
import type { EventEncoder } from "../streams/event_encoder.ts";

/** Length of the random names of a replica and of a lease, in bytes. */
const NAME_BYTES = 16;

/** Time limits of Redis within which it answers on the connections of the log: it passes whole pictures of cameras. */
const LOG_TIMEOUTS = 5;

/** Length of hashes, in hexadecimal digits: with the prefix below, a client identifier is short enough for every broker. */
const HASH_DIGITS = 11;

/** Prefix of the client identifier if MQTT_CLIENT_ID is not set. */
const CLIENT_ID_PREFIX = "e2e-gateway";

/** Parts that a replica uses. */
export interface ReplicaDependencies {
  /** Valkey or Redis; undefined if it is not configured. */
  readonly redis: RedisServer | undefined;
  /** The default broker. */
  readonly broker: BrokerAddress;
  /** Encoder of the events. */
  readonly encoder: Pick<EventEncoder, "backpressure">;
  /** Log of the gateway. */
  readonly log: Log;
  /** Registry for the gauges of the replica. */
  readonly metrics: MetricRegistry;
  /** Timeouts of commands. */
  readonly deadlines: Deadlines;
}

/** Opens it with Redis and a broker that is not embedded; it starts with the connections to brokers. */
export async function openReplica(
  config: Config,
  { redis, broker, encoder, log, metrics, deadlines }: ReplicaDependencies,
): Promise<Replica | undefined> {
  if (redis === undefined || broker.open !== undefined) {
    registerMetrics(metrics);
    return undefined;
  }
  // Loaded only when needed: MQTT.js reads the environment as it loads, and most gateways use no Redis.
  const [{ createConnectBroker }, { createRedisEventLog }, { Replica }] = await Promise.all([
    import("../mqtt/connect.ts"),
    import("../store/redis_event_log.ts"),
    import("../mqtt/replicas/replica.ts"),
  ]);
  const { streams, mqtt } = config;
  const id = logIdOf(broker, redis.prefix);
  const newName = () => randomBytes(NAME_BYTES).toHex();
  const replica = new Replica({
    log: createRedisEventLog({
      server: redis,
      id,
      // With room for large messages that a replica is yet to read.
      limits: {
        maxBytes: streams.resumeBytes + 2 * streams.maxEventBytes,
        maxAgeMs: 2 * streams.resumeSeconds * 1000 + 60_000,
      },
      timeoutMs: LOG_TIMEOUTS * config.redis.timeoutMs,
    }),
    replica: newName(),
    broker: {
      address: broker,
      connect: createConnectBroker({
        keepaliveSeconds: mqtt.keepaliveSeconds,
        addressFault,
        maxPayloadBytes: streams.maxEventBytes,
      }),
      timeoutMs: mqtt.timeoutMs,
    },
    clientId: (epoch) => sessionIdOf(broker, id, epoch),
    hub: {
      limits: streams,
      backpressure: () => encoder.backpressure(),
      random: Math.random,
      onFault: (error) => log.error("Delivering messages to streams failed unexpectedly: {error}", { error }),
    },
    limits: { ...streams, resumeBytes: Math.floor(streams.resumeBytes * SHARED_HISTORY_PART) },
    clock: SYSTEM_CLOCK,
    deadlines,
    newToken: newName,
    onChange(error) {
      if (error === undefined) log.info("The shared log can be read again");
      else log.warn("The shared log cannot be read, streams wait: {reason}", { reason: errorText(error) });
    },
    onInterrupted: (error) =>
      log.warn("The connection to the broker for all replicas ended: {reason}", { reason: errorText(error) }),
  });
  registerMetrics(metrics, replica);
  return replica;
}

function registerMetrics(metrics: MetricRegistry, replica?: Replica): void {
  metrics.gauge({
    name: "e2e_gateway_log_writer",
    help: "1 if this replica writes the log that all replicas share, 0 if it only reads it; 0 without Redis",
    read: () => replica?.isWriter === true ? 1 : 0,
  });
  metrics.gauge({
    name: "e2e_gateway_log_lag_entries",
    help: "Entries of the shared log that this replica has not read; 0 without Redis",
    read: () => replica?.lag ?? 0,
  });
  metrics.counter({
    name: "e2e_gateway_log_gaps_total",
    help: "Times that this replica told listeners of the shared log that messages may be missing; 0 without Redis",
    read: () => replica?.gaps ?? 0,
  });
  metrics.counter({
    name: "e2e_gateway_log_takeovers_total",
    help: "Times that this replica became the writer of the shared log; 0 without Redis",
    read: () => replica?.takeovers ?? 0,
  });
}

/**
 * Returns the same id at all replicas for a broker and login. Replicas whose client identifiers begin differently have a
 * log each: in one log, each would have a session of its own, which the others neither empty nor end.
 */
export function logIdOf(
  { host, port, username, webSocketPath, clientIdPrefix = CLIENT_ID_PREFIX }: BrokerAddress,
  prefix: string,
): string {
  return hashOf(host, port, username, webSocketPath, prefix, clientIdPrefix);
}

/**
 * Returns the client identifier of the session of all replicas that share a log. Another installation may have the same
 * broker and login, and a Redis of its own: so also the log's random epoch is part of it.
 */
export function sessionIdOf({ clientIdPrefix = CLIENT_ID_PREFIX }: BrokerAddress, id: string, epoch: string): string {
  return `${clientIdPrefix}-${hashOf(id, epoch)}`;
}

function hashOf(...parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, HASH_DIGITS);
}
