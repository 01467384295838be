/**
 * Open streams, their common timer, and their end when the gateway stops.
 *
 * @module
 */
import type { MetricRegistry } from "../observability/telemetry.ts";
import { type EventStream, TICK_MS } from "./event_stream.ts";

/** Message to listeners and subscribers while the gateway stops. */
export const SHUTTING_DOWN = "Gateway is shutting down";

/** Shortest `retry`, in seconds: a restart takes about as long. */
const MIN_RETRY_SECONDS = 1;

/** Longest `retry`, in seconds: twenty clients reconnect a fifth of a second apart. */
const MAX_RETRY_SECONDS = 5;

/**
 * Returns a random delay before reconnecting, in seconds with one decimal, so that clients do not reconnect all at once.
 *
 * @param random returns a number from 0 up to but not including 1
 */
export function randomRetrySeconds(random: () => number): number {
  const seconds = MIN_RETRY_SECONDS + random() * (MAX_RETRY_SECONDS - MIN_RETRY_SECONDS);
  return Math.round(seconds * 10) / 10;
}

/** Time and randomness of a drain. */
export interface DrainOptions {
  /** Time within which all streams end, in milliseconds. */
  readonly withinMs: number;
  /** Returns a number from 0 up to but not including 1. */
  readonly random: () => number;
  /** True if there are other gateways, at which clients may go on at once; false by default. */
  readonly hasReplicas?: boolean;
}

/** Open streams, including those that have ended until their last event was read. */
export class StreamRegistry {
  readonly #streams = new Set<EventStream>();
  /** Streams of each key: a signal with a listener for each of them would search all of them when one leaves. */
  readonly #byKey = new WeakMap<AbortSignal, Set<EventStream>>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #isDraining = false;

  /** Number of streams. */
  get size(): number {
    return this.#streams.size;
  }

  /** Bytes of events that wait for all listeners together. */
  get waitingBytes(): number {
    let bytes = 0;
    for (const { waitingBytes } of this.#streams) bytes += waitingBytes;
    return bytes;
  }

  /**
   * Adds a stream. It is revoked with its key: waiting events are not for the holder of a revoked key.
   *
   * @param revoked aborts when the key is revoked
   */
  add(stream: EventStream, revoked: AbortSignal): void {
    this.#streams.add(stream);
    this.#streamsOf(revoked).add(stream);
    this.#timer ??= setInterval(() => this.tick(), TICK_MS);
  }

  /** Checks all streams; called by the timer. */
  tick(): void {
    for (const open of this.#streams) open.tick();
  }

  /** Removes a closed stream. */
  delete(stream: EventStream, revoked: AbortSignal): void {
    this.#streams.delete(stream);
    this.#byKey.get(revoked)?.delete(stream);
    if (this.#streams.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #streamsOf(revoked: AbortSignal): Set<EventStream> {
    const known = this.#byKey.get(revoked);
    if (known !== undefined) return known;
    const streams = new Set<EventStream>();
    this.#byKey.set(revoked, streams);
    revoked.addEventListener("abort", () => {
      for (const stream of streams) stream.revoke(revoked.reason.message);
    }, { once: true });
    return streams;
  }

  /** Whether the gateway stops, and no stream may begin. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /**
   * Ends all streams, as the gateway stops: each at a random moment, and with a random `retry` unless there are other
   * gateways.
   *
   * @returns a promise that settles when each has its last event
   */
  async drain(options: DrainOptions): Promise<void> {
    this.#isDraining = true;
    await Promise.all([...this.#streams].map((stream) => endLater(stream, options)));
  }
}

async function endLater(stream: EventStream, { withinMs, random, hasReplicas = false }: DrainOptions): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, random() * withinMs);
  await promise;
  stream.end("restart", SHUTTING_DOWN, { retry: hasReplicas ? 0 : randomRetrySeconds(random) });
}

/** Returns an empty registry, and registers its gauge. */
export function createStreamRegistry(metrics: MetricRegistry): StreamRegistry {
  const streams = new StreamRegistry();
  metrics.gauge({
    name: "e2e_gateway_queue_bytes",
    help: "Bytes of events in the queues of all listeners",
    read: () => streams.waitingBytes,
  });
  return streams;
}
