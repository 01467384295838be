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
  /** The same for each address. */
  readonly maxBodiesPerAddress: number;
}

/** The bodies that are on their way. */
export class ArrivingBodies {
  readonly #options: ArrivingBodiesOptions;
  readonly #arriving = new Map<AbortController, string>();

  /** Makes it, with nothing on its way. */
  constructor(options: ArrivingBodiesOptions) {
    this.#options = options;
  }

  /** How many are on their way. */
  get size(): number {
    return this.#arriving.size;
  }

  /**
   * Reads the body of a request.
   *
   * One too many of an address cuts off its oldest, one too many in all that of the address that has most of them on
   * their way: whoever sends his drop by drop gives up his own places to the next visitor.
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
    this.#arriving.set(reading, address);
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

  /** Returns the oldest body of an address that has as many as it may have. */
  #oldestOf(address: string): AbortController | undefined {
    const { maxBodiesPerAddress } = this.#options;
    if (this.#arriving.size < maxBodiesPerAddress) return undefined;
    const own = [...this.#arriving].filter(([, sender]) => sender === address);
    return own.length < maxBodiesPerAddress ? undefined : own[0]?.[0];
  }
}

/** Finds the one that came first among those of the address that has the most. */
function oldestOfTheGreediest<T>(arrived: ReadonlyMap<T, string>): T | undefined {
  let most: readonly (readonly [T, string])[] = [];
  for (const group of Map.groupBy(arrived, ([, address]) => address).values()) {
    if (group.length > most.length) most = group;
  }
  return most[0]?.[0];
}
