import { assertEquals, assertRejects } from "@std/assert";
import { FairSemaphore } from "../../src/limits/fair_semaphore.ts";
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
