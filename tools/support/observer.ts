/** Observes published messages at the broker itself, without the gateway. */
import { connectAsync } from "mqtt";
import type { TestBroker } from "../../tests/support/broker.ts";

/** Message as the broker delivered it. */
export interface ObservedMessage {
  /** Topic. */
  readonly topic: string;
  /** Payload as text. */
  readonly payload: string;
  /** True for a retained message. */
  readonly isRetained: boolean;
  /** True if the broker may have delivered it before: the acknowledgement was lost when it stopped. */
  readonly isRedelivered: boolean;
}

/** Options of an observer. */
export interface ObserverOptions {
  /** Topic filters. */
  readonly filters: readonly string[];
  /** Credentials, if the broker requires them. */
  readonly login?: { readonly username: string; readonly password: string } | undefined;
  /** Called with each message, in the broker's order. */
  readonly onMessage: (message: ObservedMessage) => void;
}

/** Milliseconds before a reconnect. */
const RECONNECT_MS = 100;

/**
 * Subscribes with a persistent session: a broker that has saved it before it is killed queues for it what it
 * acknowledges after its restart.
 *
 * @returns the function that disconnects
 */
export async function observe(
  { host, port }: Pick<TestBroker, "host" | "port">,
  { filters, login, onMessage }: ObserverOptions,
): Promise<() => Promise<void>> {
  const client = await connectAsync(`mqtt://${host}:${port}`, {
    ...login,
    clientId: "observer",
    clean: false,
    // Stays connected to a frozen broker: the messages it delivers later must be counted.
    keepalive: 0,
    reconnectPeriod: RECONNECT_MS,
  });
  // MQTT.js reconnects by itself.
  client.on("error", () => {});
  client.on("message", (topic, payload, { retain, dup }) => {
    onMessage({ topic, payload: payload.toString(), isRetained: retain, isRedelivered: dup });
  });
  await client.subscribeAsync([...filters], { qos: 1 });
  return () => client.endAsync(true);
}
