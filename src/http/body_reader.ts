/**
 * Reader of request bodies, limited in time, size and number.
 *
 * @module
 */
import { type Bytes, free } from "../protocol/bytes.ts";
import { LARGE_BODY_BYTES, readBytes, TooLargeError } from "../lib/read_bytes.ts";
import { FairSemaphore } from "../limits/fair_semaphore.ts";
import { bodyBroken, bodyTooLarge, bodyTooSlow, HttpError } from "./errors.ts";

/** Limits of request bodies. */
export interface BodySettings {
  /** Most bodies to receive at a time. */
  readonly maxBodies: number;
  /** Most requests that an address may have under way; a quarter of them may have bodies that arrive slowly. */
  readonly maxPerAddress: number;
  /** Largest body, in bytes. */
  readonly maxBodyBytes: number;
  /** Time limit for receiving a body, in milliseconds. */
  readonly bodyTimeoutMs: number;
}

/** Number of requests of an address for each body that may arrive slowly: the others keep room for prompt bodies. */
const REQUESTS_PER_BODY = 4;

/** Age in milliseconds from which a body counts as slow. */
const SLOW_MS = 500;

/** Most large bodies to hold at a time, from their first byte until they are opened. */
const MAX_LARGE_BODIES = 8;

/** The same for each address; its further large bodies wait, unread. */
const MAX_LARGE_BODIES_PER_ADDRESS = 4;

/** Body being received. */
interface PendingBody {
  readonly address: string;
  /** Whether it is counted as a large body. */
  isLarge: boolean;
  /** Start on the monotonic clock. */
  readonly since: number;
}

/** Bodies being received. */
export class BodyReader {
  readonly #settings: BodySettings;
  readonly #maxPerAddress: number;
  readonly #monotonic: () => number;
  readonly #pending = new Map<AbortController, PendingBody>();
  readonly #large = new FairSemaphore({ total: MAX_LARGE_BODIES, each: MAX_LARGE_BODIES_PER_ADDRESS });

  /**
   * Creates a reader without pending bodies.
   *
   * @param monotonic clock that never jumps, in milliseconds
   */
  constructor(settings: BodySettings, monotonic: () => number) {
    this.#settings = settings;
    this.#maxPerAddress = Math.ceil(settings.maxPerAddress / REQUESTS_PER_BODY);
    this.#monotonic = monotonic;
  }

  /** Number of bodies being received. */
  get size(): number {
    return this.#pending.size;
  }

  /**
   * Reads the body of a request and uses it. A large body is read once the limit for large bodies allows it, and counts
   * against that limit until it has been used.
   *
   * At the limit of an address, aborts its oldest body if that is slow; at the total limit, aborts the oldest body of the
   * address with the most pending bodies, so slow senders hurt only themselves.
   *
   * @throws {HttpError} if the body is too large, too slow, or breaks off; also whatever `use` throws
   */
  async read<T>(request: Request, address: string, use: (body: Bytes) => Promise<T>): Promise<T> {
    let release = () => {};
    let body: Bytes | undefined;
    try {
      body = await this.#read(request, address, (acquired) => release = acquired);
      return await use(body);
    } finally {
      if (body !== undefined) free(body);
      release();
    }
  }

  async #read(request: Request, address: string, onLarge: (release: () => void) => void): Promise<Bytes> {
    const { maxBodies, maxBodyBytes, bodyTimeoutMs } = this.#settings;
    const controller = new AbortController();
    const victim = this.#oldestSlowOf(address) ??
      (this.#pending.size < maxBodies ? undefined : oldestOfLargestHolder(this.#pending));
    if (victim !== undefined) {
      this.#pending.delete(victim);
      victim.abort(bodyTooSlow());
    }
    const pending: PendingBody = { address, since: this.#monotonic(), isLarge: false };
    this.#pending.set(controller, pending);
    const { signal } = controller;
    const beforeLarge = async () => {
      // Slow bodies make room for others.
      const timer = setInterval(() => this.#oldestSlowLarge()?.abort(bodyTooSlow()), SLOW_MS);
      onLarge(await this.#large.acquire(address, 1, signal).finally(() => clearInterval(timer)));
      pending.isLarge = true;
    };
    const deadline = setTimeout(() => controller.abort(bodyTooSlow()), bodyTimeoutMs);
    try {
      const length = Number(request.headers.get("Content-Length"));
      if (length <= LARGE_BODY_BYTES || length > maxBodyBytes) {
        return await readBytes(request, maxBodyBytes, { signal, beforeLarge });
      }
      await beforeLarge();
      return await readBytes(request, maxBodyBytes, { signal });
    } catch (error) {
      if (error instanceof HttpError) throw error;
      throw error instanceof TooLargeError ? bodyTooLarge() : bodyBroken();
    } finally {
      clearTimeout(deadline);
      this.#pending.delete(controller);
    }
  }

  /** Finds the oldest slow large body of the address with the most of them. */
  #oldestSlowLarge(): AbortController | undefined {
    const isSlow = ({ since, isLarge }: PendingBody) => isLarge && this.#monotonic() - since >= SLOW_MS;
    return oldestOfLargestHolder(new Map([...this.#pending].filter(([, body]) => isSlow(body))));
  }

  /** Finds the oldest body of an address at its limit, if that body is slow. */
  #oldestSlowOf(address: string): AbortController | undefined {
    if (this.#pending.size < this.#maxPerAddress) return undefined;
    const own = [...this.#pending].filter(([, body]) => body.address === address);
    const [oldest] = own;
    if (oldest === undefined || own.length < this.#maxPerAddress) return undefined;
    return this.#monotonic() - oldest[1].since < SLOW_MS ? undefined : oldest[0];
  }
}

/** Finds the oldest body of the address that has the most bodies. */
function oldestOfLargestHolder<T>(bodies: ReadonlyMap<T, PendingBody>): T | undefined {
  let largest: readonly (readonly [T, PendingBody])[] = [];
  for (const group of Map.groupBy(bodies, ([, { address }]) => address).values()) {
    if (group.length > largest.length) largest = group;
  }
  return largest[0]?.[0];
}
