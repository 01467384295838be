/**
 * Reading the bodies of requests: within a time and a size for each, and a number for all.
 *
 * @module
 */
import { readBytes, TooLargeError } from "../protocol/read_bytes.ts";
import { bodyBroken, bodyTooLarge, bodyTooSlow, Refusal } from "./refusal.ts";

/** How bodies are bounded. */
export interface ArrivingBodiesOptions {
  /** Largest body to read, in bytes. */
  readonly maxBodyBytes: number;
  /** Longest wait for a whole body, in milliseconds. */
  readonly bodyTimeoutMs: number;
  /** Most bodies to wait for at a time. */
  readonly maxBodies: number;
  /** The same for each address, of those that take their time. */
  readonly maxBodiesPerAddress: number;
}

/** A body of an address takes its time from here on, in milliseconds: others are there at once, or nearly so. */
const SLOW_MS = 500;

/** A body that is on its way. */
interface Arriving {
  readonly address: string;
  /** When it began, on the monotonic clock. */
  readonly since: number;
}

/** The bodies that are on their way. */
export class ArrivingBodies {
  readonly #options: ArrivingBodiesOptions;
  readonly #monotonic: () => number;
  readonly #arriving = new Map<AbortController, Arriving>();

  /**
   * Makes it, with nothing on its way.
   *
   * @param monotonic a clock that never jumps, in milliseconds
   */
  constructor(options: ArrivingBodiesOptions, monotonic: () => number) {
    this.#options = options;
    this.#monotonic = monotonic;
  }

  /** How many are on their way. */
  get size(): number {
    return this.#arriving.size;
  }

  /**
   * Reads the body of a request.
   *
   * One too many of an address cuts off its oldest, if that takes its time; one too many in all cuts off the oldest of
   * the address with the most pending bodies: slow senders hurt only themselves.
   *
   * @throws {Refusal} if it is too large, too slow, or breaks off
   */
  async read(request: Request, address: string): Promise<Uint8Array> {
    const { maxBodies, maxBodyBytes, bodyTimeoutMs } = this.#options;
    const reading = new AbortController();
    const victim = this.#oldestOf(address) ??
      (this.#arriving.size < maxBodies ? undefined : oldestOfTheGreediest(this.#arriving));
    if (victim !== undefined) {
      this.#arriving.delete(victim);
      victim.abort(bodyTooSlow());
    }
    this.#arriving.set(reading, { address, since: this.#monotonic() });
    const deadline = setTimeout(() => reading.abort(bodyTooSlow()), bodyTimeoutMs);
    try {
      return await readBytes(request, maxBodyBytes, reading.signal);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw error instanceof TooLargeError ? bodyTooLarge() : bodyBroken();
    } finally {
      clearTimeout(deadline);
      this.#arriving.delete(reading);
    }
  }

  /** Returns the oldest body of an address that has as many as it may have, if that one takes its time. */
  #oldestOf(address: string): AbortController | undefined {
    const { maxBodiesPerAddress } = this.#options;
    if (this.#arriving.size < maxBodiesPerAddress) return undefined;
    const own = [...this.#arriving].filter(([, body]) => body.address === address);
    const [oldest] = own;
    if (oldest === undefined || own.length < maxBodiesPerAddress) return undefined;
    return this.#monotonic() - oldest[1].since < SLOW_MS ? undefined : oldest[0];
  }
}

/** Finds the one that came first among those of the address that has the most. */
function oldestOfTheGreediest<T>(arrived: ReadonlyMap<T, Arriving>): T | undefined {
  let most: readonly (readonly [T, Arriving])[] = [];
  for (const group of Map.groupBy(arrived, ([, { address }]) => address).values()) {
    if (group.length > most.length) most = group;
  }
  return most[0]?.[0];
}
