/** Keeps the books over a publishing: who got what, when, and in which order. */
import { quantile } from "../../support/statistics.ts";
import type { Payload } from "./payload.ts";

/** What all listeners together got. */
export interface Balance {
  readonly expected: number;
  /** Different messages, summed over the listeners. */
  readonly delivered: number;
  /** Messages that a listener got again. */
  readonly doubled: number;
  /** Messages that came after a later one. */
  readonly disordered: number;
  /** From publishing to receipt, in milliseconds. */
  readonly p50: number;
  /** From publishing to receipt, in milliseconds. */
  readonly p99: number;
  /** From the first publishing to the last receipt, in seconds. */
  readonly seconds: number;
}

/** The books over one publishing. */
export class Ledger {
  readonly #waits: number[] = [];
  #first = Infinity;
  #last = -Infinity;
  #expected = 0;
  #delivered = 0;
  #doubled = 0;
  #disordered = 0;

  /** Opens the books over a publishing of so many messages. */
  constructor(readonly publishing: { readonly run: number; readonly events: number }) {}

  /**
   * Adds a listener that should have got every message once.
   *
   * @returns what to call with each message that it got, in the order of receipt
   */
  addListener(): (payload: Payload, receivedAt: number) => void {
    const { run, events } = this.publishing;
    const got = new Uint8Array(events);
    let newest = -1;
    this.#expected += events;
    return ({ run: itsRun, sequence, at }, receivedAt) => {
      if (itsRun !== run || !(sequence in got)) {
        throw new Error(`Message of another publishing: ${itsRun}, ${sequence}`);
      }
      if (got[sequence] === 1) this.#doubled += 1;
      else this.#delivered += 1;
      if (sequence < newest) this.#disordered += 1;
      got[sequence] = 1;
      newest = Math.max(newest, sequence);
      this.#waits.push(receivedAt - at);
      this.#first = Math.min(this.#first, at);
      this.#last = Math.max(this.#last, receivedAt);
    };
  }

  /** What came of it. */
  balance(): Balance {
    return {
      expected: this.#expected,
      delivered: this.#delivered,
      doubled: this.#doubled,
      disordered: this.#disordered,
      p50: quantile(this.#waits, 0.5),
      p99: quantile(this.#waits, 0.99),
      seconds: (this.#last - this.#first) / 1000,
    };
  }
}
