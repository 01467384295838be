import { assertEquals, assertRejects } from "@std/assert";
import { FairSemaphore } from "../../src/limits/fair_semaphore.ts";
import { settle } from "../support/settle.ts";

/** A room, and the order in which it was entered. */
function makeRoom(options: { readonly total: number; readonly each: number }) {
  const room = new FairSemaphore(options);
  const entered: string[] = [];
  const enter = async (owner: string, amount: number, signal?: AbortSignal) => {
    const leave = await room.acquire(owner, amount, signal);
    entered.push(`${owner} ${amount}`);
    return leave;
  };
  return { enter, entered };
}

Deno.test("FairSemaphore.acquire() lets each owner have its share, and whoever wants more wait in order", async () => {
  const { enter, entered } = makeRoom({ total: 100, each: 2 });
  const [first] = [enter("a", 1), enter("a", 1), enter("a", 1), enter("b", 1)];
  await settle();
  assertEquals(entered, ["a 1", "a 1", "b 1"]);
  (await first)();
  await settle();
  assertEquals(entered, ["a 1", "a 1", "b 1", "a 1"]);
});

Deno.test("FairSemaphore.acquire() prefers the owner that has least, however many of another one wait longer", async () => {
  const { enter, entered } = makeRoom({ total: 3, each: 3 });
  const leave = await Promise.all([enter("a", 1), enter("a", 1), enter("a", 1)]);
  const waiting = [enter("a", 1), enter("a", 1), enter("b", 1)];
  leave[0]();
  await settle();
  assertEquals(entered.slice(3), ["b 1"]);
  for (const one of [leave[1], leave[2]]) one();
  await Promise.all(waiting);
});

Deno.test("FairSemaphore.acquire() gives room to what is larger than all of it, alone", async () => {
  const { enter, entered } = makeRoom({ total: 4, each: 2 });
  const [small, huge] = [enter("a", 1), enter("b", 100)];
  const last = enter("a", 1);
  await settle();
  assertEquals(entered, ["a 1", "a 1"]);
  (await small)();
  (await last)();
  (await huge)();
  assertEquals(entered.at(-1), "b 100");
});

Deno.test("FairSemaphore.acquire() gives up with its signal, and a second call gives no room back twice", async () => {
  const { enter, entered } = makeRoom({ total: 1, each: 1 });
  const leave = await enter("a", 1);
  const stop = new AbortController();
  const waiting = assertRejects(() => enter("b", 1, stop.signal), Error, "enough");
  stop.abort(new Error("enough"));
  await waiting;
  const next = enter("c", 1);
  leave();
  leave();
  await next;
  enter("d", 1);
  await settle();
  assertEquals(entered, ["a 1", "c 1"]);
});
