/** Growth of the replay store in memory, of its queues and of the cache: claims for minutes, full tables, evictions. */
import { FifoQueue } from "../../../../src/lib/fifo_queue.ts";
import { LruCache } from "../../../../src/lib/lru_cache.ts";
import type { SealedText } from "../../../../src/protocol/aead.ts";
import { createMemoryReplayStore, ENTRY_BYTES } from "../../../../src/store/memory_replay.ts";
import { RequestTable } from "../../../../src/store/request_table.ts";
import type { GrowthCase } from "../growth_case.ts";
import { timeOf } from "../time_of.ts";

const ANSWER = "a".repeat(200) as SealedText;

/** Replay store with a clock of its own, and claims of fresh nonces. */
class StoreUnderLoad {
  #ms = 0;
  #claims = 0;
  readonly #nonce = new Uint8Array(12);
  readonly #tag = new Uint8Array(16);
  readonly #store;

  constructor(memoryBytes: number) {
    this.#store = createMemoryReplayStore({
      limits: { maxAgeSeconds: 60, memoryBytes, answerBytes: 1000 },
      since: 0,
      monotonic: () => this.#ms,
    });
  }

  /** Claims and settles as many requests, in turn with each key, within that time. */
  claim(count: number, { ms = 0, keys = 1 }: { readonly ms?: number; readonly keys?: number } = {}): void {
    const nonce = new DataView(this.#nonce.buffer);
    for (let index = 0; index < count; index++) {
      this.#ms += ms / count;
      nonce.setUint32(0, this.#claims++);
      const kid = `key ${index % keys}`;
      const claim = this.#store.claim({ kid, nonce: this.#nonce, tag: this.#tag, timestamp: this.#ms / 1000 });
      if (claim.kind !== "first") throw new Error(`Claim was ${claim.kind}`);
      claim.settle(ANSWER);
    }
  }
}

const sustainedClaims: GrowthCase = {
  name: "sustained-claims",
  sizes: [130, 260, 520, 1_040],
  unit: "seconds of 500 claims each",
  measure(seconds) {
    const load = new StoreUnderLoad(2 ** 30);
    return timeOf(() => load.claim(500 * seconds, { ms: 1000 * seconds }));
  },
};

const claimAfterSilence: GrowthCase = {
  name: "claim-after-silence",
  sizes: [20_000, 40_000, 80_000, 160_000],
  unit: "requests that expired before ten claims",
  isFlat: true,
  measure(count) {
    const load = new StoreUnderLoad(2 ** 30);
    load.claim(count);
    load.claim(1, { ms: 121_000 });
    return timeOf(() => load.claim(10, { ms: 1 }));
  },
};

const claimsAtTheLimit: GrowthCase = {
  name: "claims-at-the-limit",
  sizes: [500, 1_000, 2_000, 4_000],
  unit: "keys, of whose answers 20,000 claims evict as many",
  isFlat: true,
  measure(keys) {
    // Full after the claims that are not measured: each further one evicts two answers.
    const requests = 10 * keys + 40_000;
    const load = new StoreUnderLoad(requests * ENTRY_BYTES + 10 * keys * ANSWER.length);
    load.claim(10 * keys, { ms: 1, keys });
    load.claim(20_000, { ms: 1, keys });
    return timeOf(() => load.claim(20_000, { ms: 1, keys }));
  },
};

const cacheEvictions: GrowthCase = {
  name: "cache-evictions",
  sizes: [1_000, 2_000, 4_000, 8_000],
  unit: "entries, of which 50,000 are replaced",
  isFlat: true,
  measure(size) {
    const cache = new LruCache<number, true>(size);
    for (let key = 0; key < size; key++) cache.set(key, true);
    return timeOf(() => {
      for (let key = 0; key < 50_000; key++) cache.set(size + key, true);
    });
  },
};

const longQueue: GrowthCase = {
  name: "long-queue",
  sizes: [125_000, 250_000, 500_000, 1_000_000],
  unit: "items in a queue, to which 100,000 come while as many leave",
  isFlat: true,
  measure(size) {
    const queue = new FifoQueue<number>();
    for (let item = 0; item < size; item++) queue.push(item);
    return timeOf(() => {
      for (let item = 0; item < 100_000; item++) {
        queue.push(item);
        queue.shift();
      }
    });
  },
};

/** Requests of a full table. */
const TABLE_SIZE = 20_000;

const usedTable: GrowthCase = {
  name: "used-table",
  sizes: [50_000, 100_000, 200_000, 400_000],
  unit: `requests before ${TABLE_SIZE} more in a table of as many`,
  isFlat: true,
  measure(size) {
    const table = new RequestTable<{ readonly number: number }, undefined>(TABLE_SIZE, [1, 2]);
    const owner = { number: 0 };
    const [nonce, tag] = [new Uint8Array(12), new Uint8Array(16)];
    const view = new DataView(nonce.buffer);
    const add = (from: number, to: number) => {
      for (let number = from; number < to; number++) {
        view.setUint32(8, number);
        if (table.size === TABLE_SIZE) table.removeFirst();
        if (table.find(owner, nonce) !== undefined) throw new Error("Nonce was used before");
        table.add({ owner, nonce, tag, timestamp: number, expires: number, outcome: undefined });
      }
    };
    add(0, size);
    return timeOf(() => add(size, size + TABLE_SIZE));
  },
};

/** Cases of the replay store, its queues and the cache. */
export const REPLAY_STORE_CASES: readonly GrowthCase[] = [
  sustainedClaims,
  claimAfterSilence,
  claimsAtTheLimit,
  cacheEvictions,
  longQueue,
  usedTable,
];
