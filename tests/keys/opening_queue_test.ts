import { assertEquals, assertRejects } from "@std/assert";
import { OpeningQueue, OpeningQueueFullError } from "../../src/keys/opening_queue.ts";

/** Queue whose work ends when it is told to, and the order in which work has started. */
function makeQueue() {
  const queue = new OpeningQueue();
  const started: string[] = [];
  const ends: (() => void)[] = [];
  return {
    started,
    run(address: string, name = address): Promise<string> {
      return queue.run(address, async () => {
        started.push(name);
        await new Promise<void>((resolve) => ends.push(resolve));
        return name;
      });
    },
    /** Ends the work that runs. */
    async next(): Promise<void> {
      ends.shift()?.();
      // The next one starts within some microtasks.
      await new Promise((resolve) => setTimeout(resolve));
    },
    async all(): Promise<void> {
      while (ends.length > 0) await this.next();
    },
  };
}

Deno.test("run() runs one work at a time, and returns its outcome", async () => {
  const queue = makeQueue();
  const works = ["a", "b", "c"].map((address) => queue.run(address));
  assertEquals(queue.started, ["a"]);
  await queue.next();
  assertEquals(queue.started, ["a", "b"]);
  await queue.all();
  assertEquals(await Promise.all(works), ["a", "b", "c"]);
  const later = queue.run("a");
  assertEquals(queue.started.length, 4);
  await queue.all();
  assertEquals(await later, "a");
});

Deno.test("run() goes on after work that failed", async () => {
  const queue = new OpeningQueue();
  const works = [
    queue.run("a", () => Promise.reject(new Error("one"))),
    queue.run("b", () => Promise.reject(new Error("two"))),
    queue.run("c", () => Promise.resolve("three")),
  ];
  assertEquals((await Promise.allSettled(works)).map(({ status }) => status), ["rejected", "rejected", "fulfilled"]);
});

Deno.test("run() lets addresses take turns: one with much work delays each other one by a single piece", async () => {
  const queue = makeQueue();
  const works = [1, 2, 3, 4].map((n) => queue.run("flood", `flood ${n}`));
  works.push(queue.run("phone"), queue.run("tablet"));
  await queue.all();
  assertEquals(queue.started, ["flood 1", "flood 2", "phone", "tablet", "flood 3", "flood 4"]);
  await Promise.all(works);
});

Deno.test("run() refuses work beyond the bound: that of the address with the most", async () => {
  const queue = makeQueue();
  const running = queue.run("flood", "first");
  const flood = Array.from({ length: 64 }, (_, n) => queue.run("flood", `flood ${n}`));
  await assertRejects(() => queue.run("flood"), OpeningQueueFullError);
  const phone = queue.run("phone");
  // It is told at once, not in its turn.
  await assertRejects(() => flood.at(-1) ?? Promise.resolve(), OpeningQueueFullError);
  await queue.next();
  await queue.next();
  assertEquals(queue.started.slice(0, 3), ["first", "flood 0", "phone"]);
  await queue.all();
  await Promise.all([running, phone, ...flood.slice(0, -1)]);
});

Deno.test("run() refuses newcomers when every address has one work in the queue", async () => {
  const queue = makeQueue();
  const running = queue.run("first");
  const waiting = Array.from({ length: 64 }, (_, n) => queue.run(`address ${n}`));
  await assertRejects(() => queue.run("newcomer"), OpeningQueueFullError);
  await queue.next();
  const next = queue.run("newcomer");
  await queue.all();
  assertEquals(queue.started.at(-1), "newcomer");
  await Promise.all([running, next, ...waiting]);
});
