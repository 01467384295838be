/** Hears at the broker itself, past the gateway, what is published. */
import { connectAsync } from "mqtt";
import type { TestBroker } from "../../tests/support/broker.ts";

/** One message, as the broker passed it on. */
export interface Observed {
  /** Where it was published. */
  readonly topic: string;
  /** What was published. */
  readonly payload: string;
  /** Whether it is an old one, that the broker kept. */
  readonly isRetained: boolean;
}

/** What to listen to. */
export interface ObserverOptions {
  /** Topics to listen to. */
  readonly filters: readonly string[];
  /** A login, for a broker that wants one. */
  readonly login?: { readonly username: string; readonly password: string } | undefined;
  /** Told of each message, in the broker's order. */
  readonly onMessage: (message: Observed) => void;
}

/** How soon to come back to a broker that was away, in milliseconds. */
const RECONNECT_MS = 100;

/**
 * Subscribes with a session that outlives the connection: a broker that has saved it before it is killed holds for it
 * what it acknowledges after it is back.
 *
 * @returns the function that ends it
 */
export async function observe(
  { host, port }: Pick<TestBroker, "host" | "port">,
  { filters, login, onMessage }: ObserverOptions,
): Promise<() => Promise<void>> {
  const client = await connectAsync(`mqtt://${host}:${port}`, {
    ...login,
    clientId: "observer",
    clean: false,
    // A frozen broker is no reason to leave: what it says when it goes on has to be counted.
    keepalive: 0,
    reconnectPeriod: RECONNECT_MS,
  });
  // It tries again by itself.
  client.on("error", () => {});
  client.on("message", (topic, payload, { retain }) => {
    onMessage({ topic, payload: payload.toString(), isRetained: retain });
  });
  await client.subscribeAsync([...filters], { qos: 1 });
  return () => client.endAsync(true);
}
