import { assertEquals, assertRejects } from "@std/assert";
import * as fc from "fast-check";
import { FairSemaphore, type FairSemaphoreOptions } from "../../src/limits/fair_semaphore.ts";
import { settle } from "../support/settle.ts";

/** Semaphore, and the order in which it was acquired. */
function makeSemaphore(options: { readonly total: number; readonly each: number }) {
  const semaphore = new FairSemaphore(options);
  const acquired: string[] = [];
  const acquire = async (owner: string, amount: number, signal?: AbortSignal) => {
    const release = await semaphore.acquire(owner, amount, signal);
    acquired.push(`${owner} ${amount}`);
    return release;
  };
  return { acquire, acquired };
}

Deno.test("acquire() gives each owner its share, and lets further amounts wait in order", async () => {
  const { acquire, acquired } = makeSemaphore({ total: 100, each: 2 });
  const [first] = [acquire("a", 1), acquire("a", 1), acquire("a", 1), acquire("b", 1)];
  await settle();
  assertEquals(acquired, ["a 1", "a 1", "b 1"]);
  (await first)();
  await settle();
  assertEquals(acquired, ["a 1", "a 1", "b 1", "a 1"]);
});

Deno.test("acquire() prefers the owner that holds least, however long others wait", async () => {
  const { acquire, acquired } = makeSemaphore({ total: 3, each: 3 });
  const release = await Promise.all([acquire("a", 1), acquire("a", 1), acquire("a", 1)]);
  const waiting = [acquire("a", 1), acquire("a", 1), acquire("b", 1)];
  release[0]();
  await settle();
  assertEquals(acquired.slice(3), ["b 1"]);
  for (const one of [release[1], release[2]]) one();
  await Promise.all(waiting);
});

Deno.test("acquire() admits an amount beyond the capacity alone", async () => {
  const { acquire, acquired } = makeSemaphore({ total: 4, each: 2 });
  const [small, huge] = [acquire("a", 1), acquire("b", 100)];
  const last = acquire("a", 1);
  await settle();
  assertEquals(acquired, ["a 1", "a 1"]);
  (await small)();
  (await last)();
  (await huge)();
  assertEquals(acquired.at(-1), "b 100");
});

Deno.test("acquire() rejects when its signal aborts, and a second release has no effect", async () => {
  const { acquire, acquired } = makeSemaphore({ total: 1, each: 1 });
  const release = await acquire("a", 1);
  const stop = new AbortController();
  const waiting = assertRejects(() => acquire("b", 1, stop.signal), Error, "enough");
  stop.abort(new Error("enough"));
  await waiting;
  const next = acquire("c", 1);
  release();
  release();
  await next;
  acquire("d", 1);
  await settle();
  assertEquals(acquired, ["a 1", "c 1"]);
});

/** Semaphore that searches all waiters at each release. */
class SearchingSemaphore {
  readonly #options: FairSemaphoreOptions;
  readonly #waiting = new Set<Amount>();
  readonly held = new Set<Amount>();
  readonly acquired: number[] = [];

  constructor(options: FairSemaphoreOptions) {
    this.#options = options;
  }

  acquire(amount: Amount): void {
    if (this.#hasShare(amount) && this.#hasCapacity(amount)) this.#hold(amount);
    else this.#waiting.add(amount);
  }

  abort(amount: Amount): boolean {
    return this.#waiting.delete(amount);
  }

  release(amount: Amount): void {
    if (!this.held.delete(amount)) return;
    for (;;) {
      const fitting = [...this.#waiting].filter((waiter) => this.#hasShare(waiter));
      const [next] = fitting.toSorted((one, other) => this.#heldBy(one.owner) - this.#heldBy(other.owner));
      if (next === undefined || !this.#hasCapacity(next)) return;
      this.#waiting.delete(next);
      this.#hold(next);
    }
  }

  #hold(amount: Amount): void {
    this.held.add(amount);
    this.acquired.push(amount.id);
  }

  #heldBy(owner?: string): number {
    const own = [...this.held].filter((each) => owner === undefined || each.owner === owner);
    return own.reduce((sum, { size }) => sum + size, 0);
  }

  #hasShare({ owner, size }: Amount): boolean {
    return this.#heldBy(owner) === 0 || this.#heldBy(owner) + size <= this.#options.each;
  }

  #hasCapacity({ size }: Amount): boolean {
    return this.#heldBy() === 0 || this.#heldBy() + size <= this.#options.total;
  }
}

/** Amount in a test. */
interface Amount {
  readonly id: number;
  readonly owner: string;
  readonly size: number;
}

Deno.test("acquire() admits in the same order as a search through all waiters", async () => {
  const step = fc.oneof(
    fc.record({ owner: fc.constantFrom("a", "b", "c", "d"), size: fc.constantFrom(1, 1, 2, 3, 5, 9) }),
    fc.record({ kind: fc.constantFrom("release", "release", "abort"), index: fc.nat(8) }),
  );
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    const options = { total: 10, each: 6 };
    const [semaphore, expected] = [new FairSemaphore(options), new SearchingSemaphore(options)];
    const acquired: number[] = [];
    const held = new Map<number, () => void>();
    const waiting: { readonly amount: Amount; readonly stop: AbortController }[] = [];
    for (const [id, step] of steps.entries()) {
      if ("owner" in step) {
        const amount = { id, ...step };
        const stop = new AbortController();
        waiting.push({ amount, stop });
        expected.acquire(amount);
        semaphore.acquire(step.owner, step.size, stop.signal).then((release) => {
          acquired.push(id);
          held.set(id, release);
        }, () => {});
      } else if (step.kind === "release") {
        const amount = [...expected.held][step.index];
        if (amount === undefined) continue;
        held.get(amount.id)?.();
        expected.release(amount);
      } else {
        const [aborted] = waiting.splice(step.index, 1);
        aborted?.stop.abort();
        if (aborted !== undefined) expected.abort(aborted.amount);
      }
      await settle();
      assertEquals(acquired, expected.acquired);
    }
  }));
});
