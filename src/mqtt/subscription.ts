/**
 * A subscription on a connection of its own.
 *
 * @module
 */
import {
  type BrokerAddress,
  type BrokerConnection,
  BrokerError,
  type BrokerMessage,
  type ConnectBroker,
  type QoS,
  type ReceiveMessage,
} from "./broker.ts";
import { tooLate } from "./failure.ts";

/** What to subscribe to, and how patiently. */
export interface SubscriptionOptions {
  /** Topic filters. */
  readonly filters: readonly string[];
  /** Highest quality of service to ask for. */
  readonly qos: QoS;
  /** Longest wait for the broker's welcome and grant together, in milliseconds. */
  readonly timeoutMs: number;
  /** Abandons the attempt when aborted. */
  readonly signal: AbortSignal;
  /** Called once, when the broker has granted the subscription, before the first message. */
  readonly onGranted: () => void;
  /** Called for each message, in the broker's order. */
  readonly onMessage: ReceiveMessage;
}

/** Most bytes that a broker may send ahead of its grant. MQTT allows it to begin early, but not to flood. */
const MAX_EARLY_BYTES = 2 ** 20;

/** What a held message costs beside its text. */
const MESSAGE_OVERHEAD_BYTES = 256;

/**
 * Connects and subscribes.
 *
 * @returns the connection, to be closed by the caller
 * @throws {BrokerError} if the broker is away, refuses, or does not answer in time
 */
export async function openSubscription(
  connect: ConnectBroker,
  address: BrokerAddress,
  options: SubscriptionOptions,
): Promise<BrokerConnection> {
  const attempt = new AbortController();
  const signal = AbortSignal.any([options.signal, attempt.signal]);
  const deadline = setTimeout(() => attempt.abort(tooLate(address, "answer", options.timeoutMs)), options.timeoutMs);
  const early = holdBack(
    options.onMessage,
    () => attempt.abort(new BrokerError("Broker sent too much before its grant")),
  );
  let connection: BrokerConnection | undefined;
  try {
    signal.throwIfAborted();
    connection = await connect(address, { signal, onMessage: early.receive });
    await Promise.race([connection.subscribe(options.filters, options.qos), rejection(signal)]);
    options.onGranted();
    early.release();
    return connection;
  } catch (error) {
    await connection?.close();
    throw error;
  } finally {
    clearTimeout(deadline);
  }
}

/** Holds messages back until they are released, in order. */
function holdBack(pass: ReceiveMessage, onFlood: () => void) {
  const held: BrokerMessage[] = [];
  let bytes = 0;
  let released = false;
  return {
    receive(message: BrokerMessage): Promise<void> | undefined {
      if (released) return pass(message);
      bytes += message.topic.length + message.payload.length + MESSAGE_OVERHEAD_BYTES;
      if (bytes > MAX_EARLY_BYTES) onFlood();
      else held.push(message);
      return undefined;
    },
    release(): void {
      released = true;
      for (const message of held.splice(0)) pass(message);
    },
  };
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
