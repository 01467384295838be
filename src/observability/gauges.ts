/**
 * How things stand, as gauges: they are set when somebody asks.
 *
 * @module
 */
import { Gauge, Registry } from "prom-client";
import type { Gauges } from "./telemetry.ts";

interface Level {
  readonly name: string;
  readonly help: string;
  /** Undefined where there is no such thing: the gauge then vanishes. */
  readonly read: (levels: Gauges) => number | undefined;
}

const LEVELS: readonly Level[] = [
  {
    name: "queue_bytes",
    help: "Bytes of events that wait in the queues of all listeners",
    read: ({ queueBytes }) => queueBytes,
  },
  {
    name: "backlog_bytes",
    help: "Bytes of events that wait for listeners that begin to listen, a part of the queues",
    read: ({ backlogBytes }) => backlogBytes,
  },
  {
    name: "unread_answer_bytes",
    help: "Bytes of large answers that wait to be read",
    read: ({ unreadBytes }) => unreadBytes,
  },
  {
    name: "ring_bytes",
    help: "Bytes of messages that are kept for listeners that come back",
    read: ({ ringBytes }) => ringBytes,
  },
  {
    name: "shared_event_bytes",
    help: "Bytes of events that are kept for further listeners of the same key",
    read: ({ sharedEventBytes }) => sharedEventBytes,
  },
  {
    name: "subscriptions",
    help: "Filters that brokers are asked for",
    read: ({ subscriptions }) => subscriptions,
  },
  {
    name: "listeners",
    help: "Listeners that are told of messages",
    read: ({ listeners }) => listeners,
  },
  {
    name: "broker_connections",
    help: "Connections to brokers",
    read: ({ brokerConnections }) => brokerConnections,
  },
  {
    name: "replay_entries",
    help: "Requests that the replay store in memory remembers; absent with Redis",
    read: ({ replays }) => replays?.entries,
  },
  {
    name: "replay_bytes",
    help: "Bytes of the replay store in memory, with the answers that it keeps; absent with Redis",
    read: ({ replays }) => replays?.bytes,
  },
  {
    name: "bodies_arriving",
    help: "Bodies of requests that are waited for",
    read: ({ bodies }) => bodies,
  },
  {
    name: "requests_running",
    help: "Opened requests that have no answer yet, without streams",
    read: ({ running }) => running,
  },
  {
    name: "ready",
    help: "1 when the gateway is ready, 0 when something that it needs is away or it stops",
    read: ({ isReady }) => Number(isReady),
  },
  {
    name: "keys",
    help: "Keys that are in force",
    read: ({ keys }) => keys.length,
  },
];

/** Makes the gauges. Returns the function that writes them in Prometheus' text format. */
export function createGauges(): (levels: Gauges) => Promise<string> {
  const registry = new Registry();
  const registers = [registry];
  const gauges = LEVELS.map(({ name, help, read }) => ({
    gauge: new Gauge({ name: `e2e_gateway_${name}`, help, registers }),
    read,
  }));
  const up = new Gauge({
    name: "e2e_gateway_up",
    help: "1 for a part that answered its last check, 0 for one that did not; absent before its first check",
    labelNames: ["part"],
    registers,
  });
  const keyExpiry = new Gauge({
    name: "e2e_gateway_key_expiry_seconds",
    help: "Seconds until a key expires; absent for keys that never do",
    labelNames: ["key"],
    registers,
  });

  return (levels) => {
    for (const { gauge, read } of gauges) {
      const value = read(levels);
      if (value === undefined) gauge.remove();
      else gauge.set(value);
    }
    // What is not set anew must vanish: a key that was removed, a part that is no longer checked.
    up.reset();
    for (const [part, answers] of Object.entries(levels.up)) up.set({ part }, Number(answers));
    keyExpiry.reset();
    for (const { name, expiresInSeconds } of levels.keys) {
      if (expiresInSeconds !== undefined) keyExpiry.set({ key: name }, expiresInSeconds);
    }
    return registry.metrics();
  };
}
