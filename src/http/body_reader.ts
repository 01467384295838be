/**
 * Reader of request bodies, limited in time, size and number.
 *
 * @module
 */
import { type Bytes, free } from "../protocol/bytes.ts";
import { SYSTEM_CLOCK } from "../lib/clock.ts";
import { Deadlines } from "../lib/deadlines.ts";
import { LARGE_BODY_BYTES, readBytes, TooLargeError } from "../lib/read_bytes.ts";
import { FairSemaphore } from "../limits/fair_semaphore.ts";
import { bodyBroken, bodyTooLarge, bodyTooSlow, HttpError } from "./errors.ts";
import { PendingBodies, type PendingBody } from "./pending_bodies.ts";

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

/** Clocks of a reader. */
export interface BodyReaderOptions {
  /** Clock that never jumps, in milliseconds. */
  readonly monotonic?: () => number;
  /** Deadlines of bodies. */
  readonly deadlines?: Deadlines;
}

/** Number of requests of an address for each body that may arrive slowly: the others keep room for prompt bodies. */
const REQUESTS_PER_BODY = 4;

/** Age in milliseconds from which a body counts as slow. */
const SLOW_MS = 500;

/**
 * Largest body to read in one call, in bytes: larger than most requests, and smaller than the heads that a connection may
 * hold. Such a read cannot be cancelled: after an abort its bytes stay in memory until the connection is closed.
 */
const SMALL_BODY_BYTES = 8 * 1024;

/**
 * Most such reads that go on after an abort. Beyond it, small bodies are read piece by piece, too: a connection of HTTP/2
 * may hold hundreds.
 */
const MAX_ABANDONED = 64;

/** Most large bodies to hold at a time, from their first byte until they are opened. */
const MAX_LARGE_BODIES = 8;

/** The same for each address; its further large bodies wait, unread. */
const MAX_LARGE_BODIES_PER_ADDRESS = 4;

/** Bodies being received. */
export class BodyReader {
  readonly #settings: BodySettings;
  readonly #maxPerAddress: number;
  readonly #monotonic: () => number;
  readonly #deadlines: Deadlines;
  readonly #pending = new PendingBodies();
  readonly #large = new FairSemaphore({ total: MAX_LARGE_BODIES, each: MAX_LARGE_BODIES_PER_ADDRESS });
  /** Large bodies that are being received, at most {@linkcode MAX_LARGE_BODIES}. */
  readonly #pendingLarge = new Set<PendingBody>();
  /** Number of aborted bodies whose reading goes on. */
  #abandoned = 0;

  /** Creates a reader without pending bodies. */
  constructor(
    settings: BodySettings,
    {
      monotonic = SYSTEM_CLOCK.monotonic,
      deadlines = new Deadlines(SYSTEM_CLOCK),
    }: BodyReaderOptions = {},
  ) {
    this.#settings = settings;
    this.#maxPerAddress = Math.ceil(settings.maxPerAddress / REQUESTS_PER_BODY);
    this.#monotonic = monotonic;
    this.#deadlines = deadlines;
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
  read<T>(request: Request, address: string, use: (body: Bytes) => Promise<T>): Promise<T> {
    const length = Number(request.headers.get("Content-Length"));
    const isSmall = length > 0 && length <= Math.min(SMALL_BODY_BYTES, this.#settings.maxBodyBytes);
    return isSmall && this.#abandoned < MAX_ABANDONED
      ? this.#readSmall(request, address).then(use)
      : this.#usePieces(request, { address, length, use });
  }

  /** Reads a body piece by piece, and uses it. */
  async #usePieces<T>(request: Request, { address, length, use }: UseOptions<T>): Promise<T> {
    let release = () => {};
    let body: Bytes | undefined;
    try {
      body = await this.#readPieces(request, { address, length, onLarge: (acquired) => release = acquired });
      return await use(body);
    } finally {
      if (body !== undefined) free(body);
      release();
    }
  }

  /** Reads a body that is announced as small: the server hands over no more than that, in HTTP/1.1 and HTTP/2. */
  #readSmall(request: Request, address: string): Promise<Bytes> {
    return new Promise((resolve, reject) => {
      let isAbandoned = false;
      const pending = this.#begin(address, (reason) => {
        isAbandoned = true;
        this.#abandoned += 1;
        this.#end(pending);
        reject(reason);
      });
      const end = () => isAbandoned ? void (this.#abandoned -= 1) : this.#end(pending);
      request.bytes().then((body) => {
        end();
        resolve(body);
      }, () => {
        end();
        reject(bodyBroken());
      });
    });
  }

  /** Reads a body piece by piece: a large one, or one of unknown length. */
  async #readPieces(request: Request, { address, length, onLarge }: PiecesOptions): Promise<Bytes> {
    const { maxBodyBytes } = this.#settings;
    const controller = new AbortController();
    const { signal } = controller;
    const pending = this.#begin(address, (reason) => controller.abort(reason));
    const beforeLarge = async () => {
      // Slow bodies make room for others.
      const timer = setInterval(() => this.#oldestSlowLarge()?.abort(bodyTooSlow()), SLOW_MS);
      onLarge(await this.#large.acquire(address, 1, signal).finally(() => clearInterval(timer)));
      this.#pendingLarge.add(pending);
    };
    try {
      if (length <= LARGE_BODY_BYTES || length > maxBodyBytes) {
        return await readBytes(request, maxBodyBytes, { signal, beforeLarge });
      }
      await beforeLarge();
      return await readBytes(request, maxBodyBytes, { signal });
    } catch (error) {
      if (error instanceof HttpError) throw error;
      throw error instanceof TooLargeError ? bodyTooLarge() : bodyBroken();
    } finally {
      this.#pendingLarge.delete(pending);
      this.#end(pending);
    }
  }

  /** Begins a body, which may abort another one. */
  #begin(address: string, abort: PendingBody["abort"]): PendingBody {
    const since = this.#monotonic();
    const victim = this.#oldestSlowOf(address, since) ??
      (this.#pending.size < this.#settings.maxBodies ? undefined : this.#pending.oldestOfLargest());
    if (victim !== undefined) {
      this.#pending.delete(victim);
      victim.abort(bodyTooSlow());
    }
    const deadline = this.#deadlines.add(this.#settings.bodyTimeoutMs, () => abort(bodyTooSlow()));
    return this.#pending.add({ address, since, abort, deadline });
  }

  #end(pending: PendingBody): void {
    pending.deadline.clear();
    this.#pending.delete(pending);
  }

  /** Returns the oldest body of an address at its limit, if that body is slow. */
  #oldestSlowOf(address: string, now: number): PendingBody | undefined {
    if (this.#pending.countOf(address) < this.#maxPerAddress) return undefined;
    const oldest = this.#pending.oldestOf(address);
    return oldest !== undefined && now - oldest.since >= SLOW_MS ? oldest : undefined;
  }

  /** Returns the oldest slow large body of the address with the most of them. */
  #oldestSlowLarge(): PendingBody | undefined {
    const now = this.#monotonic();
    const slow = [...this.#pendingLarge].filter(({ since }) => now - since >= SLOW_MS)
      .sort((one, other) => one.order - other.order);
    let largest: readonly PendingBody[] = [];
    for (const own of Map.groupBy(slow, ({ address }) => address).values()) {
      if (own.length > largest.length) largest = own;
    }
    return largest[0];
  }
}

/** Body to be read piece by piece, and what uses it. */
interface UseOptions<T> extends Pick<PiecesOptions, "address" | "length"> {
  readonly use: (body: Bytes) => Promise<T>;
}

/** Body to be read piece by piece. */
interface PiecesOptions {
  readonly address: string;
  /** Announced length; 0 or NaN if it is unknown. */
  readonly length: number;
  /** Called with the function that ends the count of a large body. */
  readonly onLarge: (release: () => void) => void;
}
