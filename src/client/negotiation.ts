/**
 * Negotiation of the version of the protocol.
 *
 * @module
 */
import type { Version } from "../protocol/exchange.ts";
import { abortable } from "../lib/async.ts";

/** Probe that runs. */
interface Probe {
  /** Version that it finds. */
  readonly result: Promise<Version>;
  /** Aborts the probe. */
  readonly stop: AbortController;
  /** Number of requests that wait for it. */
  waiting: number;
}

/** Finds the version once, and keeps it: a later answer that claims version 1 is a downgrade attack. */
export class Negotiation {
  readonly #ask: (signal: AbortSignal) => Promise<Version>;
  #version: Version | undefined;
  #probe: Probe | undefined;

  /**
   * Begins; asks nothing yet.
   *
   * @param version version, where it is known
   * @param ask asks the gateway
   */
  constructor(version: Version | undefined, ask: (signal: AbortSignal) => Promise<Version>) {
    this.#version = version;
    this.#ask = ask;
  }

  /** Version; undefined until it is known. */
  get version(): Version | undefined {
    return this.#version;
  }

  /**
   * Returns the version, and finds it where it is not known. Concurrent requests share one probe, which is aborted when
   * all of them are; after a failure the next request begins a new one.
   *
   * @throws the error of the probe
   */
  async agree(signal: AbortSignal): Promise<Version> {
    if (this.#version !== undefined) return this.#version;
    const probe = this.#probe ?? this.#begin();
    probe.waiting += 1;
    try {
      return await abortable(probe.result, signal);
    } finally {
      probe.waiting -= 1;
      if (probe.waiting === 0) {
        if (this.#probe === probe) this.#probe = undefined;
        probe.stop.abort();
      }
    }
  }

  #begin(): Probe {
    const stop = new AbortController();
    const probe = { stop, waiting: 0, result: this.#find(stop.signal) };
    this.#probe = probe;
    return probe;
  }

  async #find(signal: AbortSignal): Promise<Version> {
    const version = await this.#ask(signal);
    // Version 2 was proven meanwhile, whatever a late probe says.
    if (this.#version !== 2) this.#version = version;
    return this.#version;
  }
}
