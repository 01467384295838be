/**
 * Compact table of requests, for a memory that holds very many.
 *
 * @module
 */
import { halfSipHash, type HashKey } from "../lib/half_sip_hash.ts";

/** Owner of requests. */
export interface RequestOwner {
  /** Whole number that no other owner has, below 2³². */
  readonly number: number;
}

/** Request to store. */
export interface NewRequest<Owner, Outcome> {
  /** Its owner: the nonces of different owners can be equal. */
  readonly owner: Owner;
  /** Nonce or salt, of at most 16 bytes. */
  readonly nonce: Uint8Array;
  /** Authentication tag, of 16 bytes. */
  readonly tag: Uint8Array;
  /** Seconds since 1970. */
  readonly timestamp: number;
  /** Time from which it can be removed. */
  readonly expires: number;
  /** Outcome, which can be replaced. */
  readonly outcome: Outcome;
}

/** Requests of a chunk, as a power of two: some 70 KB. */
const CHUNK_BITS = 10;
const CHUNK_SIZE = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_SIZE - 1;

/** Bytes of a nonce, a tag, and both with the length of the nonce. */
const NONCE_BYTES = 16;
const TAG_BYTES = 16;
const RECORD_BYTES = NONCE_BYTES + TAG_BYTES + 1;

/** Requests that were added one after the other. The garbage collector visits owners and outcomes only. */
interface Chunk<Owner, Outcome> {
  /** Nonce, tag and length of the nonce of each request. */
  readonly bytes: Uint8Array;
  /** Distance to the previous request of the bucket; 0 if it is not stored. */
  readonly distances: Uint32Array;
  readonly timestamps: Float64Array;
  readonly expiries: Float64Array;
  readonly owners: (Owner | undefined)[];
  readonly outcomes: (Outcome | undefined)[];
}

/**
 * Hash table from which requests are removed in the order in which they were added.
 *
 * A request is known by its position: the number of requests before it, as a signed integer of 32 bits. A bucket has the
 * position of its newest request, and each request the distance to the previous one in the bucket. A removal changes
 * neither: the chain ends where it leaves the stored positions. So nothing is ever moved, and a call takes as long with a
 * million requests, and after a billion, as with the first.
 */
export class RequestTable<Owner extends RequestOwner, Outcome> {
  readonly #maxSize: number;
  readonly #hashKey: HashKey;
  /** Position of the newest request by hash. One from 2³² requests ago can lead into another chain, which does no harm. */
  readonly #buckets: Int32Array;
  /** Ring of chunks. */
  readonly #chunks: (Chunk<Owner, Outcome> | undefined)[];
  /** Chunk to use again: under constant load no new ones are made. */
  #spare: Chunk<Owner, Outcome> | undefined;
  /** Input of the hash: number of the owner, and nonce. */
  readonly #hashed = new Uint32Array(1 + NONCE_BYTES / 4);
  readonly #hashedNonce = new Uint8Array(this.#hashed.buffer, 4);
  #next: number;
  #size = 0;

  /**
   * Makes an empty table.
   *
   * @param maxSize most requests at a time
   * @param hashKey random numbers: nonces are chosen by others
   * @param firstPosition multiple of 1,024, so that a test need not add billions of requests
   */
  constructor(maxSize: number, hashKey: HashKey, firstPosition = 0) {
    this.#maxSize = maxSize;
    this.#next = firstPosition;
    this.#hashKey = hashKey;
    // Zeros take no memory before they are used. Powers of two divide 2³², where positions begin again.
    this.#buckets = new Int32Array(powerOfTwo(maxSize));
    this.#chunks = new Array(powerOfTwo(maxSize / CHUNK_SIZE + 1)).fill(undefined);
  }

  /** Number of requests. */
  get size(): number {
    return this.#size;
  }

  /** Position of the oldest request, if there is one. */
  get first(): number {
    return (this.#next - this.#size) | 0;
  }

  /** Returns whether a request is stored. */
  has(position: number): boolean {
    const age = (this.#next - position) >>> 0;
    return age > 0 && age <= this.#size;
  }

  /** Returns the position of an owner's request with this nonce; undefined if there is none. */
  find(owner: Owner, nonce: Uint8Array): number | undefined {
    let age = this.#ageOfNewest(this.#bucketOf(owner, nonce));
    while (age > 0 && age <= this.#size) {
      const position = (this.#next - age) | 0;
      const chunk = this.#chunkOf(position);
      const index = position & CHUNK_MASK;
      if (chunk.owners[index] === owner && hasNonce(chunk, index, nonce)) return position;
      const distance = chunk.distances[index] ?? 0;
      age = distance === 0 ? 0 : age + distance;
    }
    return undefined;
  }

  /** Returns whether a stored request has this tag. */
  hasTag(position: number, tag: Uint8Array): boolean {
    const { bytes } = this.#chunkOf(position);
    return tag.length === TAG_BYTES && startsWith(bytes, (position & CHUNK_MASK) * RECORD_BYTES + NONCE_BYTES, tag);
  }

  /** Returns a copy of the nonce or salt of a stored request. */
  nonceOf(position: number): Uint8Array {
    const { bytes } = this.#chunkOf(position);
    const start = (position & CHUNK_MASK) * RECORD_BYTES;
    return bytes.slice(start, start + (bytes[start + RECORD_BYTES - 1] ?? 0));
  }

  /** Returns a copy of the tag of a stored request. */
  tagOf(position: number): Uint8Array {
    const start = (position & CHUNK_MASK) * RECORD_BYTES + NONCE_BYTES;
    return this.#chunkOf(position).bytes.slice(start, start + TAG_BYTES);
  }

  /** Returns the owner of a stored request. */
  ownerOf(position: number): Owner {
    const owner = this.#chunkOf(position).owners[position & CHUNK_MASK];
    if (owner === undefined) throw new RangeError(`No request at ${position}`);
    return owner;
  }

  /** Returns the timestamp of a stored request, in seconds since 1970. */
  timestampOf(position: number): number {
    return this.#chunkOf(position).timestamps[position & CHUNK_MASK] ?? NaN;
  }

  /** Returns the time from which a stored request can be removed. */
  expiryOf(position: number): number {
    return this.#chunkOf(position).expiries[position & CHUNK_MASK] ?? NaN;
  }

  /** Returns the outcome of a stored request. */
  outcomeOf(position: number): Outcome | undefined {
    return this.#chunkOf(position).outcomes[position & CHUNK_MASK];
  }

  /** Replaces the outcome of a stored request. */
  setOutcome(position: number, outcome: Outcome | undefined): void {
    this.#chunkOf(position).outcomes[position & CHUNK_MASK] = outcome;
  }

  /**
   * Adds a request that is not stored; returns its position.
   *
   * @throws {RangeError} if the table is full, or nonce or tag have another length
   */
  add({ owner, nonce, tag, timestamp, expires, outcome }: NewRequest<Owner, Outcome>): number {
    if (this.#size >= this.#maxSize) throw new RangeError(`More than ${this.#maxSize} requests`);
    if (nonce.length > NONCE_BYTES) throw new RangeError(`Nonce of ${nonce.length} bytes`);
    if (tag.length !== TAG_BYTES) throw new RangeError(`Tag of ${tag.length} bytes`);
    const bucket = this.#bucketOf(owner, nonce);
    const age = this.#ageOfNewest(bucket);
    const position = this.#next;
    const index = position & CHUNK_MASK;
    if (index === 0) {
      this.#chunks[this.#ringIndex(position)] = this.#spare ?? makeChunk();
      this.#spare = undefined;
    }
    const { bytes, distances, timestamps, expiries, owners, outcomes } = this.#chunkOf(position);
    bytes.set(nonce, index * RECORD_BYTES);
    bytes.set(tag, index * RECORD_BYTES + NONCE_BYTES);
    bytes[(index + 1) * RECORD_BYTES - 1] = nonce.length;
    distances[index] = age <= this.#size ? age : 0;
    timestamps[index] = timestamp;
    expiries[index] = expires;
    owners[index] = owner;
    outcomes[index] = outcome;
    this.#buckets[bucket] = position;
    this.#next = (position + 1) | 0;
    this.#size += 1;
    return position;
  }

  /** Removes the oldest request. */
  removeFirst(): void {
    if (this.#size === 0) return;
    const position = this.first;
    const index = position & CHUNK_MASK;
    const { owners, outcomes } = this.#chunkOf(position);
    owners[index] = undefined;
    outcomes[index] = undefined;
    this.#size -= 1;
    if (index < CHUNK_MASK) return;
    this.#spare = this.#chunkOf(position);
    this.#chunks[this.#ringIndex(position)] = undefined;
  }

  #bucketOf({ number }: Owner, nonce: Uint8Array): number {
    this.#hashed.fill(0);
    this.#hashed[0] = number;
    this.#hashedNonce.set(nonce.length <= NONCE_BYTES ? nonce : nonce.subarray(0, NONCE_BYTES));
    return halfSipHash(this.#hashKey, this.#hashed) & (this.#buckets.length - 1);
  }

  /** Returns how many positions ago the newest request of a bucket was added. */
  #ageOfNewest(bucket: number): number {
    return (this.#next - (this.#buckets[bucket] ?? 0)) >>> 0;
  }

  #ringIndex(position: number): number {
    return (position >>> CHUNK_BITS) & (this.#chunks.length - 1);
  }

  #chunkOf(position: number): Chunk<Owner, Outcome> {
    const chunk = this.#chunks[this.#ringIndex(position)];
    if (chunk === undefined) throw new RangeError(`No request at ${position}`);
    return chunk;
  }
}

function makeChunk<Owner, Outcome>(): Chunk<Owner, Outcome> {
  return {
    bytes: new Uint8Array(CHUNK_SIZE * RECORD_BYTES),
    distances: new Uint32Array(CHUNK_SIZE),
    timestamps: new Float64Array(CHUNK_SIZE),
    expiries: new Float64Array(CHUNK_SIZE),
    owners: new Array<Owner | undefined>(CHUNK_SIZE).fill(undefined),
    outcomes: new Array<Outcome | undefined>(CHUNK_SIZE).fill(undefined),
  };
}

function hasNonce({ bytes }: Pick<Chunk<unknown, unknown>, "bytes">, index: number, nonce: Uint8Array): boolean {
  return bytes[(index + 1) * RECORD_BYTES - 1] === nonce.length && startsWith(bytes, index * RECORD_BYTES, nonce);
}

/** Returns whether bytes follow from an index. */
function startsWith(bytes: Uint8Array, from: number, others: Uint8Array): boolean {
  for (let at = 0; at < others.length; at++) if (bytes[from + at] !== others[at]) return false;
  return true;
}

/** Returns the smallest power of two that is at least as large. */
function powerOfTwo(number: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, number)));
}
