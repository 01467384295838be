/**
 * Opens the logs of messages that all replicas of the gateway share.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Config } from "../config/settings.ts";
import { SYSTEM_CLOCK } from "../lib/clock.ts";
import type { Deadlines } from "../lib/deadlines.ts";
import { errorText } from "../lib/errors.ts";
import type { BrokerAddress } from "../mqtt/broker.ts";
import type { EventHistory } from "../mqtt/hub/history.ts";
import type { Replica } from "../mqtt/replicas/replica.ts";
import type { SharedLogs } from "../mqtt/replicas/shared_logs.ts";
import { addressFault } from "../net/egress.ts";
import type { Log } from "../observability/log.ts";
import type { MetricRegistry } from "../observability/telemetry.ts";
import { randomBytes } from "../protocol/bytes.ts";
import type { EventLogLimits } from "../store/redis_event_log.ts";
import type { RedisServer } from "../store/redis_server.ts";
import type { EventEncoder } from "../streams/event_encoder.ts";

/** Length of the random names of a replica and of a lease, in bytes. */
const NAME_BYTES = 16;

/** Time limits of Redis within which it answers on the connections of the log: it passes whole pictures of cameras. */
const LOG_TIMEOUTS = 5;

/** Length of hashes, in hexadecimal digits: with the prefix below, a client identifier is short enough for every broker. */
const HASH_DIGITS = 11;

/** The same for the log of a login that a request names: no key holder can find another name with the same hash. */
const LOGIN_HASH_DIGITS = 32;

/**
 * Time beyond RESUME_SECONDS after which Redis deletes the log of a login that a request names if no replica uses it, in
 * seconds: key holders may name many.
 */
const LOGIN_EXPIRY_SECONDS = 60;

/** Prefix of the client identifier if MQTT_CLIENT_ID is not set. */
const CLIENT_ID_PREFIX = "e2e-gateway";

/** Parts that replicas use. */
export interface ReplicaDependencies {
  /** Valkey or Redis; undefined if it is not configured. */
  readonly redis: RedisServer | undefined;
  /** The default broker. */
  readonly broker: BrokerAddress;
  /** Encoder of the events. */
  readonly encoder: Pick<EventEncoder, "backpressure">;
  /** Log of the gateway. */
  readonly log: Log;
  /** Registry for the gauges of the replicas. */
  readonly metrics: MetricRegistry;
  /** Timeouts of commands. */
  readonly deadlines: Deadlines;
}

/**
 * Opens them with Redis; they start with the connections to brokers. That of the default broker is undefined if it is
 * embedded.
 */
export async function openSharedLogs(
  config: Config,
  { redis, broker, encoder, log, metrics, deadlines }: ReplicaDependencies,
): Promise<SharedLogs | undefined> {
  if (redis === undefined) {
    registerMetrics(metrics);
    return undefined;
  }
  // Loaded only when needed: MQTT.js reads the environment as it loads, and most gateways use no Redis.
  const [
    { createConnectBroker },
    { MemoryHistory },
    { SHARED_HISTORY_PART },
    { createRedisEventLog },
    { Replica },
    shared,
  ] = await Promise.all([
    import("../mqtt/connect.ts"),
    import("../mqtt/hub/memory_history.ts"),
    import("../mqtt/pool.ts"),
    import("../store/redis_event_log.ts"),
    import("../mqtt/replicas/replica.ts"),
    import("../mqtt/replicas/shared_logs.ts"),
  ]);
  const { streams, mqtt } = config;
  const connect = createConnectBroker({
    keepaliveSeconds: mqtt.keepaliveSeconds,
    addressFault,
    maxPayloadBytes: streams.maxEventBytes,
  });
  const newName = () => randomBytes(NAME_BYTES).toHex();
  const maxAgeMs = 2 * streams.resumeSeconds * 1000 + 60_000;

  const makeReplica = (address: BrokerAddress, { memory, isLoginOfRequest, ...options }: {
    readonly id: string;
    readonly limits: EventLogLimits;
    readonly expirySeconds?: number;
    readonly memory: EventHistory;
    readonly isLoginOfRequest: boolean;
  }): Replica => {
    const name = isLoginOfRequest ? "shared log of a login that requests name" : "shared log";
    return new Replica({
      log: createRedisEventLog({ ...options, server: redis, timeoutMs: LOG_TIMEOUTS * config.redis.timeoutMs }),
      replica: newName(),
      broker: { address, connect, timeoutMs: mqtt.timeoutMs },
      isLoginOfRequest,
      clientId: (epoch) => sessionIdOf(address, options.id, epoch),
      hub: {
        limits: streams,
        backpressure: () => encoder.backpressure(),
        random: Math.random,
        onFault: (error) => log.error("Delivering messages to streams failed unexpectedly: {error}", { error }),
      },
      memory,
      clock: SYSTEM_CLOCK,
      deadlines,
      newToken: newName,
      onChange(error) {
        if (error === undefined) log.info(`The ${name} can be read again`);
        else log.warn(`The ${name} cannot be read, streams wait: {reason}`, { reason: errorText(error) });
      },
      onInterrupted(error) {
        const reason = errorText(error);
        if (isLoginOfRequest) log.info("The connection to a broker for the {name} ended: {reason}", { name, reason });
        else log.warn("The connection to the broker for all replicas ended: {reason}", { reason });
      },
      onLeftOut(bytes) {
        log.warn(
          "A message of {bytes} bytes was left out of the {name}, as Redis refuses it each time: check its memory, and " +
            "that the link passes large messages",
          { bytes, name },
        );
      },
    });
  };

  const logs = new shared.SharedLogs({
    defaultHub: broker.open !== undefined ? undefined : makeReplica(broker, {
      id: logIdOf(broker, redis.prefix),
      limits: {
        // With room for large messages that a replica is yet to read.
        maxBytes: streams.resumeBytes + 2 * streams.maxEventBytes,
        maxAgeMs,
      },
      memory: new MemoryHistory({
        epoch: "",
        monotonic: SYSTEM_CLOCK.monotonic,
        limits: { ...streams, resumeBytes: Math.floor(streams.resumeBytes * SHARED_HISTORY_PART) },
      }),
      isLoginOfRequest: false,
    }),
    make: (address, memory) =>
      makeReplica(address, {
        id: loginLogIdOf(address, redis.prefix),
        limits: {
          maxBytes: Math.floor(streams.resumeBytes / shared.MAX_LOGIN_LOGS) + streams.maxEventBytes,
          maxAgeMs,
        },
        expirySeconds: streams.resumeSeconds + LOGIN_EXPIRY_SECONDS,
        memory,
        isLoginOfRequest: true,
      }),
  });
  registerMetrics(metrics, logs);
  return logs;
}

function registerMetrics(metrics: MetricRegistry, logs?: SharedLogs): void {
  metrics.gauge({
    name: "e2e_gateway_log_writer",
    help: "1 if this replica writes the log of the default broker that all replicas share, 0 if it only reads it; " +
      "0 without Redis",
    read: () => logs?.defaultHub?.isWriter === true ? 1 : 0,
  });
  metrics.gauge({
    name: "e2e_gateway_log_logins",
    help: "Logins of requests whose log this replica shares; 0 without Redis",
    read: () => logs?.logins ?? 0,
  });
  metrics.gauge({
    name: "e2e_gateway_log_lag_entries",
    help: "Entries of the shared logs that this replica has not read; 0 without Redis",
    read: () => logs?.lag ?? 0,
  });
  metrics.counter({
    name: "e2e_gateway_log_gaps_total",
    help: "Times that this replica told listeners of a shared log that messages may be missing; 0 without Redis",
    read: () => logs?.gaps ?? 0,
  });
  metrics.counter({
    name: "e2e_gateway_log_takeovers_total",
    help: "Times that this replica became the writer of a shared log; 0 without Redis",
    read: () => logs?.takeovers ?? 0,
  });
}

/**
 * Returns the same id at all replicas for the default broker and its login. Replicas whose client identifiers begin
 * differently have a log each: in one log, each would have a session of its own, which the others neither empty nor end.
 */
export function logIdOf(broker: BrokerAddress, prefix: string): string {
  return hashOf(HASH_DIGITS, ...logPartsOf(broker, prefix));
}

/**
 * Returns the same id at all replicas for a login that a request names: without the password, which could be found from
 * it, and never that of the default broker's log.
 */
export function loginLogIdOf(address: BrokerAddress, prefix: string): string {
  return hashOf(LOGIN_HASH_DIGITS, "login", ...logPartsOf(address, prefix));
}

/** Returns what replicas that share a log have in common. */
function logPartsOf(
  { host, port, username, webSocketPath, clientIdPrefix = CLIENT_ID_PREFIX }: BrokerAddress,
  prefix: string,
): readonly unknown[] {
  return [host, port, username, webSocketPath, prefix, clientIdPrefix];
}

/**
 * Returns the client identifier of the session of all replicas that share a log. Another installation may have the same
 * broker and login, and a Redis of its own: so also the log's random epoch is part of it.
 */
export function sessionIdOf({ clientIdPrefix = CLIENT_ID_PREFIX }: BrokerAddress, id: string, epoch: string): string {
  return `${clientIdPrefix}-${hashOf(HASH_DIGITS, id, epoch)}`;
}

function hashOf(digits: number, ...parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, digits);
}
