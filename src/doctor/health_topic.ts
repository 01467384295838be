/**
 * The state of the house on an MQTT topic, retained for whoever looks.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import { setTimeout as pause } from "node:timers/promises";
import type { BrokerAddress, BrokerConnection, ConnectBroker, Publication } from "../mqtt/broker.ts";
import { timeoutError } from "../mqtt/errors.ts";
import { Backoff } from "../lib/backoff.ts";
import { DEADLINE_SECONDS } from "./check.ts";

const DEADLINE_MS = DEADLINE_SECONDS * 1000;

/** What stands on the topic while nobody watches. */
export const OFFLINE: string = JSON.stringify({ status: "offline" });

/** Where to publish. */
export interface HealthTopicOptions {
  /** Opens the connection. */
  readonly connect: ConnectBroker;
  /** The broker. */
  readonly address: BrokerAddress;
  /** The topic. */
  readonly topic: string;
}

/** How to go on publishing. */
export interface KeepOptions extends HealthTopicOptions {
  /** Draws from 0 up to but not including 1, so that reconnections spread out. */
  readonly random: () => number;
  /** Told why the state does not reach the broker, once for each reason in a row. */
  readonly onFault: (message: string) => void;
}

/**
 * Publishes a state once, and leaves. Without a will: what it says stays, with its time, until somebody says more.
 *
 * @throws {BrokerError} if the broker does not take it
 */
export async function publishOnce(state: string, options: HealthTopicOptions): Promise<void> {
  const connection = await open(options, {});
  try {
    await send(connection, state, options);
  } finally {
    await connection.close();
  }
}

/** Keeps a topic up to date over one connection, which is made anew when it breaks. */
export class HealthTopic {
  readonly #options: KeepOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #state: string | undefined;
  #connection: BrokerConnection | undefined;
  #told = "";

  /** Begins to connect. */
  constructor(options: KeepOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Publishes a state: now, or with the next connection. Never throws. */
  async announce(state: string): Promise<void> {
    this.#state = state;
    await this.#publish();
  }

  /** Says that nobody watches any more, and leaves. Never throws. */
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
        await this.#publish();
        const lost = await Promise.race([connection.closed, stopped]);
        this.#connection = undefined;
        if (lost === undefined) await connection.close();
        else this.#tell(lost);
      } catch (error) {
        this.#tell(error);
      }
      await pause(backoff.next(), undefined, { signal }).catch(() => {});
    }
  }

  async #publish(): Promise<void> {
    if (this.#connection === undefined || this.#state === undefined) return;
    try {
      await send(this.#connection, this.#state, this.#options);
      this.#told = "";
    } catch (error) {
      this.#tell(error);
    }
  }

  #tell(error: unknown): void {
    const message = errorText(error);
    if (this.#stop.signal.aborted || message === this.#told) return;
    this.#told = message;
    this.#options.onFault(message);
  }
}

/** Opens a connection within the deadline. */
async function open(
  { connect, address }: HealthTopicOptions,
  { will, signal }: { readonly will?: Publication; readonly signal?: AbortSignal },
): Promise<BrokerConnection> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(timeoutError(address, "answer", DEADLINE_MS)), DEADLINE_MS);
  try {
    const both = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
    return await connect(address, { signal: both, ...will !== undefined && { will } });
  } finally {
    clearTimeout(timer);
  }
}

/** Publishes within the deadline. */
async function send(
  connection: BrokerConnection,
  payload: string,
  { address, topic }: HealthTopicOptions,
): Promise<void> {
  const delivery = connection.publish({ topic, payload, qos: 1, retain: true });
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    delivery.cancel();
    late.reject(timeoutError(address, "take the state", DEADLINE_MS));
  }, DEADLINE_MS);
  try {
    await Promise.race([delivery.acknowledged, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
