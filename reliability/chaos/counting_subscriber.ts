/** Counts messages at the broker itself, past the gateway. */
import { connectAsync, type MqttClient } from "mqtt";
import type { TestBroker } from "../../tests/system/broker.ts";

/** Who counts, and what. */
export interface CountingSubscriberOptions {
  /** Topics to count. */
  readonly filter: string;
  /** A login, for a broker that wants one. */
  readonly login?: { readonly username: string; readonly password: string } | undefined;
  /** Told of each message's payload, in the broker's order. */
  readonly onMessage: (payload: string) => void;
}

/** How soon to come back to a broker that was away, in milliseconds. */
const RECONNECT_MS = 100;

/**
 * Subscribes with a session that outlives the connection: a broker that has saved it before it is killed holds for it
 * what it acknowledges after it is back.
 *
 * @returns the function that ends it
 */
export async function startCountingSubscriber(
  { host, port }: TestBroker,
  { filter, login, onMessage }: CountingSubscriberOptions,
): Promise<() => Promise<void>> {
  const client: MqttClient = await connectAsync(`mqtt://${host}:${port}`, {
    ...login,
    clientId: "counter",
    clean: false,
    // A frozen broker is no reason to leave: what it says when it goes on has to be counted.
    keepalive: 0,
    reconnectPeriod: RECONNECT_MS,
  });
  client.on("error", () => {});
  client.on("message", (_topic, payload) => onMessage(payload.toString()));
  await client.subscribeAsync(filter, { qos: 1 });
  return () => client.endAsync(true);
}
