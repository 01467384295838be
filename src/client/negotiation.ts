/**
 * Which version of the protocol a client and its gateway speak.
 *
 * @module
 */
import type { Version } from "../protocol/exchange.ts";
import { abortable } from "../lib/async.ts";

/** A probe under way. */
interface Probe {
  /** What it finds. */
  readonly result: Promise<Version>;
  /** Ends it. */
  readonly stop: AbortController;
  /** How many requests wait for it. */
  waiting: number;
}

/** Finds the version once, and stays with it: a gateway that is said to have gone back to version 1 did not. */
export class Negotiation {
  readonly #ask: (signal: AbortSignal) => Promise<Version>;
  #version: Version | undefined;
  #probe: Probe | undefined;

  /**
   * Begins; nothing is asked yet.
   *
   * @param version the version, where it is known
   * @param ask asks the gateway
   */
  constructor(version: Version | undefined, ask: (signal: AbortSignal) => Promise<Version>) {
    this.#version = version;
    this.#ask = ask;
  }

  /** The version; undefined while it is not known. */
  get version(): Version | undefined {
    return this.#version;
  }

  /**
   * Tells the version, and finds it where it is not known. Who comes meanwhile waits for the same probe. It ends when
   * nobody waits for it any more; after a failure the next one begins anew.
   *
   * @throws whatever the probe met
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
    // What is known already was never less, whatever a probe says that came late.
    if (this.#version !== 2) this.#version = version;
    return this.#version;
  }
}
