/**
 * Connections to brokers, with the history of messages that they share.
 *
 * @module
 */
import { SYSTEM_CLOCK } from "../../lib/clock.ts";
import { createConnectBroker } from "../../mqtt/connect.ts";
import { MemoryHistory } from "../../mqtt/hub/memory_history.ts";
import { BrokerPool, SHARED_HISTORY_PART } from "../../mqtt/pool.ts";
import { addressFault } from "../../net/egress.ts";
import type { ServiceDependencies } from "../service.ts";

/** Length of the random name of the message history, in bytes. */
const EPOCH_BYTES = 8;

/** Creates the pool of connections, and registers its gauges. */
export function createBrokerPool(
  { config, broker, sharedHubs, encoder, log, metrics, deadlines, random, randomBytes }: Pick<
    ServiceDependencies,
    "config" | "broker" | "sharedHubs" | "encoder" | "log" | "metrics" | "deadlines" | "random" | "randomBytes"
  >,
): BrokerPool {
  const { resumeBytes } = config.streams;
  const defaultHub = sharedHubs?.defaultHub;
  const history = new MemoryHistory({
    epoch: randomBytes(EPOCH_BYTES).toHex(),
    monotonic: SYSTEM_CLOCK.monotonic,
    limits: {
      ...config.streams,
      resumeBytes: defaultHub === undefined ? resumeBytes : Math.ceil(resumeBytes * (1 - SHARED_HISTORY_PART)),
    },
  });
  const brokers = new BrokerPool({
    connect: createConnectBroker({
      keepaliveSeconds: config.mqtt.keepaliveSeconds,
      addressFault,
      maxPayloadBytes: config.streams.maxEventBytes,
    }),
    limits: config.mqtt,
    hub: {
      history,
      limits: config.streams,
      backpressure: () => encoder.backpressure(),
      random,
      onFault: (error) => log.error("Delivering messages to streams failed unexpectedly: {error}", { error }),
    },
    clock: SYSTEM_CLOCK,
    deadlines,
    defaultBroker: broker,
    sharedHubs,
  });
  metrics.gauge({
    name: "e2e_gateway_ring_bytes",
    help: "Bytes of messages that are kept for listeners that resume",
    read: () => history.bytes + (defaultHub?.bytes ?? 0),
  });
  metrics.gauge({
    name: "e2e_gateway_subscriptions",
    help: "Topic filters that are subscribed to at brokers",
    read: () => brokers.usage.subscriptions,
  });
  metrics.gauge({
    name: "e2e_gateway_listeners",
    help: "Listeners that receive messages",
    read: () => brokers.usage.listeners,
  });
  metrics.gauge({
    name: "e2e_gateway_broker_connections",
    help: "Connections to brokers",
    read: () => brokers.usage.connections,
  });
  return brokers;
}
