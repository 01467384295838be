/**
 * Reading the bodies of requests: within a time and a size for each, and a number for all.
 *
 * @module
 */
import { type Bytes, free } from "../protocol/bytes.ts";
import { LARGE_BODY_BYTES, readBytes, TooLargeError } from "../lib/read_bytes.ts";
import { Room } from "../limits/room.ts";
import { bodyBroken, bodyTooLarge, bodyTooSlow, HttpError } from "./errors.ts";

/** How bodies are bounded. */
export interface BodyReaderOptions {
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

/** Most large bodies to hold at a time, from their begin until they are opened. */
const MAX_LARGE_BODIES = 8;

/** Most of them for one address; others of it wait, unread. */
const MAX_LARGE_BODIES_PER_ADDRESS = 4;

/** A body that is on its way. */
interface PendingBody {
  readonly address: string;
  /** Whether it takes up room for large ones. */
  isLarge: boolean;
  /** When it began, on the monotonic clock. */
  readonly since: number;
}

/** The bodies that are on their way. */
export class BodyReader {
  readonly #options: BodyReaderOptions;
  readonly #monotonic: () => number;
  readonly #pending = new Map<AbortController, PendingBody>();
  readonly #room = new Room({ total: MAX_LARGE_BODIES, each: MAX_LARGE_BODIES_PER_ADDRESS });

  /**
   * Makes it, with nothing on its way.
   *
   * @param monotonic a clock that never jumps, in milliseconds
   */
  constructor(options: BodyReaderOptions, monotonic: () => number) {
    this.#options = options;
    this.#monotonic = monotonic;
  }

  /** How many are on their way. */
  get size(): number {
    return this.#pending.size;
  }

  /**
   * Reads the body of a request, and uses it. A large one is read once there is room for it, which it takes up as long as
   * it is used.
   *
   * One too many of an address cuts off its oldest, if that takes its time; one too many in all cuts off the oldest of
   * the address with the most pending bodies: slow senders hurt only themselves.
   *
   * @throws {HttpError} if it is too large, too slow, or breaks off; whatever its use throws
   */
  async read<T>(request: Request, address: string, use: (body: Bytes) => Promise<T>): Promise<T> {
    let release = () => {};
    let body: Bytes | undefined;
    try {
      body = await this.#read(request, address, (taken) => release = taken);
      return await use(body);
    } finally {
      if (body !== undefined) free(body);
      release();
    }
  }

  async #read(request: Request, address: string, onRoom: (release: () => void) => void): Promise<Bytes> {
    const { maxBodies, maxBodyBytes, bodyTimeoutMs } = this.#options;
    const reading = new AbortController();
    const victim = this.#oldestOf(address) ??
      (this.#pending.size < maxBodies ? undefined : oldestOfTheGreediest(this.#pending));
    if (victim !== undefined) {
      this.#pending.delete(victim);
      victim.abort(bodyTooSlow());
    }
    const arriving: PendingBody = { address, since: this.#monotonic(), isLarge: false };
    this.#pending.set(reading, arriving);
    const takeRoom = async () => {
      // Those that take their time make room for others.
      const look = () => this.#oldestLarge()?.abort(bodyTooSlow());
      const again = setInterval(look, SLOW_MS);
      const room = this.#room.acquire(address, 1, reading.signal).finally(() => clearInterval(again));
      onRoom(await room);
      arriving.isLarge = true;
    };
    const deadline = setTimeout(() => reading.abort(bodyTooSlow()), bodyTimeoutMs);
    try {
      const { signal } = reading;
      const length = Number(request.headers.get("Content-Length"));
      if (length <= LARGE_BODY_BYTES || length > maxBodyBytes) {
        return await readBytes(request, maxBodyBytes, { signal, beforeLarge: takeRoom });
      }
      await takeRoom();
      return await readBytes(request, maxBodyBytes, { signal });
    } catch (error) {
      if (error instanceof HttpError) throw error;
      throw error instanceof TooLargeError ? bodyTooLarge() : bodyBroken();
    } finally {
      clearTimeout(deadline);
      this.#pending.delete(reading);
    }
  }

  /** Finds the oldest large body of the address that has the most of them, if that one takes its time. */
  #oldestLarge(): AbortController | undefined {
    const isSlow = ({ since, isLarge }: PendingBody) => isLarge && this.#monotonic() - since >= SLOW_MS;
    return oldestOfTheGreediest(new Map([...this.#pending].filter(([, body]) => isSlow(body))));
  }

  /** Returns the oldest body of an address that has as many as it may have, if that one takes its time. */
  #oldestOf(address: string): AbortController | undefined {
    const { maxBodiesPerAddress } = this.#options;
    if (this.#pending.size < maxBodiesPerAddress) return undefined;
    const own = [...this.#pending].filter(([, body]) => body.address === address);
    const [oldest] = own;
    if (oldest === undefined || own.length < maxBodiesPerAddress) return undefined;
    return this.#monotonic() - oldest[1].since < SLOW_MS ? undefined : oldest[0];
  }
}

/** Finds the one that came first among those of the address that has the most. */
function oldestOfTheGreediest<T>(arrived: ReadonlyMap<T, PendingBody>): T | undefined {
  let most: readonly (readonly [T, PendingBody])[] = [];
  for (const group of Map.groupBy(arrived, ([, { address }]) => address).values()) {
    if (group.length > most.length) most = group;
  }
  return most[0]?.[0];
}
