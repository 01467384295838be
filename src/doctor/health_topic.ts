/**
 * State of the doctor on an MQTT topic, retained.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { withDeadline } from "../lib/async.ts";
import { Backoff } from "../lib/backoff.ts";
import { SYSTEM_CLOCK } from "../lib/clock.ts";
import { errorText } from "../lib/errors.ts";
import { PROBE_TIMEOUT_SECONDS } from "../lib/fetch_failure.ts";
import type { BrokerAddress, BrokerConnection, ConnectBroker, Publication } from "../mqtt/broker.ts";
import { timeoutError } from "../mqtt/errors.ts";

const TIMEOUT_MS = PROBE_TIMEOUT_SECONDS * 1000;

/** Retained message while no doctor runs with `--watch`. */
export const OFFLINE: string = JSON.stringify({ status: "offline" });

/** Broker and topic. */
export interface HealthTopicOptions {
  /** Opens the connection. */
  readonly connect: ConnectBroker;
  /** Broker. */
  readonly address: BrokerAddress;
  /** Topic. */
  readonly topic: string;
}

/** Options of a client that stays connected. */
export interface HealthTopicClientOptions extends HealthTopicOptions {
  /** Returns a number from 0 to below 1, which spreads out reconnections. */
  readonly random: () => number;
  /** Called with the reason why a state was not published, once for repeated reasons. */
  readonly onError: (message: string) => void;
}

/**
 * Publishes a state once, over a connection without a will: the message stays retained until another one replaces it.
 *
 * @throws {BrokerError} if the broker does not acknowledge it
 */
export async function publishOnce(state: string, options: HealthTopicOptions): Promise<void> {
  const connection = await open(options, {});
  try {
    await send(connection, state, options);
  } finally {
    await connection.close();
  }
}

/** Publisher of states over one connection, which reconnects when it breaks. */
export class HealthTopic {
  readonly #options: HealthTopicClientOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #state: string | undefined;
  #connection: BrokerConnection | undefined;
  #lastReported = "";

  /** Starts to connect. */
  constructor(options: HealthTopicClientOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Publishes a state, now or after the next reconnection. Never throws. */
  async publish(state: string): Promise<void> {
    this.#state = state;
    await this.#publishState();
  }

  /** Publishes `offline` and disconnects. Never throws. */
  async close(): Promise<void> {
    const connection = this.#connection;
    if (connection !== undefined) await send(connection, OFFLINE, this.#options).catch(() => {});
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { random, topic } = this.#options;
    const backoff = new Backoff(random);
    const will: Publication = { topic, payload: OFFLINE, qos: 1, retain: true };
    const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    while (!signal.aborted) {
      try {
        const connection = await open(this.#options, { will, signal });
        this.#connection = connection;
        backoff.reset();
        await this.#publishState();
        const lost = await Promise.race([connection.closed, stopped]);
        this.#connection = undefined;
        if (lost === undefined) await connection.close();
        else this.#reportError(lost);
      } catch (error) {
        this.#reportError(error);
      }
      await pause(backoff.next(), undefined, { signal }).catch(() => {});
    }
  }

  async #publishState(): Promise<void> {
    if (this.#connection === undefined || this.#state === undefined) return;
    try {
      await send(this.#connection, this.#state, this.#options);
      this.#lastReported = "";
    } catch (error) {
      this.#reportError(error);
    }
  }

  #reportError(error: unknown): void {
    const message = errorText(error);
    if (this.#stop.signal.aborted || message === this.#lastReported) return;
    this.#lastReported = message;
    this.#options.onError(message);
  }
}

/** Opens a connection within the time limit. */
async function open(
  { connect, address }: HealthTopicOptions,
  { will, signal }: { readonly will?: Publication; readonly signal?: AbortSignal },
): Promise<BrokerConnection> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(timeoutError(address, "answer", TIMEOUT_MS)), TIMEOUT_MS);
  try {
    const either = signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal]);
    // Waits for its own end after an abort, so that no connection is left open.
    return await connect(address, { signal: either, ...will !== undefined && { will } });
  } finally {
    clearTimeout(timer);
  }
}

/** Publishes a state within the time limit. */
async function send(
  connection: BrokerConnection,
  payload: string,
  { address, topic }: HealthTopicOptions,
): Promise<void> {
  await withDeadline((signal) => {
    const delivery = connection.publish({ topic, payload, qos: 1, retain: true });
    signal.addEventListener("abort", () => delivery.cancel(), { once: true });
    return delivery.acknowledged;
  }, {
    clock: SYSTEM_CLOCK,
    timeout: TIMEOUT_MS,
    timeoutError: () => timeoutError(address, "take the state", TIMEOUT_MS),
  });
}
