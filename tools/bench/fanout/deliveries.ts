/** Messages of the fan-out benchmark: their payload, the count of their deliveries, and the wait for the last one. */
import { quantile } from "../../support/statistics.ts";

/** Content of a message: enough to find missing, duplicate, late and out-of-order messages. */
export interface Payload {
  /** Number of the run that it belongs to. */
  readonly run: number;
  /** Its index in the run. */
  readonly sequence: number;
  /** Publishing time, in milliseconds since 1970, with fractions. */
  readonly at: number;
}

/** Topic of all messages. */
export const TOPIC = "bench/fanout/temperature";

/** Returns the wall clock with fractions of a millisecond, the same in all processes of this machine. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}

/** Returns the payload as text, as long as that of a sensor. */
export function formatPayload(payload: Payload): string {
  return JSON.stringify({ ...payload, sensor: "living room", temperature: 21.5 });
}

/** Parses a payload. */
export function parsePayload(text: string): Payload {
  return JSON.parse(text);
}

/** Deliveries of one run to all receivers. */
export interface DeliveryCounts {
  readonly expected: number;
  /** Distinct messages, summed over the receivers. */
  readonly delivered: number;
  /** Repeated messages, summed over the receivers. */
  readonly duplicates: number;
  /** Messages received after a later one. */
  readonly outOfOrder: number;
  /** Latency from publishing to receipt, in milliseconds. */
  readonly p50: number;
  /** Latency from publishing to receipt, in milliseconds. */
  readonly p99: number;
  /** Seconds from the first publishing to the last receipt. */
  readonly seconds: number;
}

/** Counter of the deliveries of one run. */
export class DeliveryCounter {
  readonly #latencies: number[] = [];
  #first = Infinity;
  #last = -Infinity;
  #expected = 0;
  #delivered = 0;
  #duplicates = 0;
  #outOfOrder = 0;

  /** @param run its number, and its number of messages */
  constructor(readonly run: { readonly run: number; readonly events: number }) {}

  /**
   * Adds a receiver that must get every message once.
   *
   * @returns the function to call with each message that it received, in order of receipt
   */
  addReceiver(): (payload: Payload, receivedAt: number) => void {
    const { run, events } = this.run;
    const received = new Uint8Array(events);
    let latest = -1;
    this.#expected += events;
    return (payload, receivedAt) => {
      const { sequence, at } = payload;
      if (payload.run !== run || !(sequence in received)) {
        throw new Error(`Message of another run: ${payload.run}, ${sequence}`);
      }
      if (received[sequence] === 1) this.#duplicates += 1;
      else this.#delivered += 1;
      if (sequence < latest) this.#outOfOrder += 1;
      received[sequence] = 1;
      latest = Math.max(latest, sequence);
      this.#latencies.push(receivedAt - at);
      this.#first = Math.min(this.#first, at);
      this.#last = Math.max(this.#last, receivedAt);
    };
  }

  /** Returns the counts so far. */
  counts(): DeliveryCounts {
    return {
      expected: this.#expected,
      delivered: this.#delivered,
      duplicates: this.#duplicates,
      outOfOrder: this.#outOfOrder,
      p50: quantile(this.#latencies, 0.5),
      p99: quantile(this.#latencies, 0.99),
      seconds: (this.#last - this.#first) / 1000,
    };
  }
}

const POLL_MS = 100;

/** Longest time without a delivery before the wait ends, in milliseconds. */
const MAX_SILENCE_MS = 20_000;

/**
 * Waits until all deliveries have arrived and a moment has passed for surplus ones, or until none has arrived for a
 * while.
 *
 * @param options `isComplete` is asked after a moment of silence; `count` returns a number that grows with each delivery
 */
export async function untilDelivered(
  { isComplete, count }: { readonly isComplete: () => boolean | Promise<boolean>; readonly count: () => number },
): Promise<void> {
  let previous = -1;
  for (let silenceMs = 0; silenceMs < MAX_SILENCE_MS && !(silenceMs >= 3 * POLL_MS && await isComplete());) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    silenceMs = count() === previous ? silenceMs + POLL_MS : 0;
    previous = count();
  }
}
