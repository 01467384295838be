import { assertEquals, assertRejects } from "@std/assert";
import { KeyedMutex } from "../../src/lib/async.ts";

Deno.test("runExclusive() runs work of one id in order, one at a time, and other ids at the same time", async () => {
  const mutex = new KeyedMutex();
  const log: string[] = [];
  let endFirst = () => {};
  const first = new Promise<void>((resolve) => endFirst = resolve);
  const work = (name: string, until: Promise<void> = Promise.resolve()) => async () => {
    log.push(`begin ${name}`);
    await until;
    log.push(`end ${name}`);
    return name;
  };
  const one = mutex.runExclusive("a", work("1", first));
  const two = mutex.runExclusive("a", work("2"));
  const three = mutex.runExclusive("a", work("3"));
  assertEquals(await mutex.runExclusive("b", work("other")), "other");
  endFirst();
  assertEquals(await Promise.all([one, two, three]), ["1", "2", "3"]);
  assertEquals(log, ["begin 1", "begin other", "end other", "end 1", "begin 2", "end 2", "begin 3", "end 3"]);
});

Deno.test("runExclusive() continues after work that failed", async () => {
  const mutex = new KeyedMutex();
  const failed = mutex.runExclusive("a", () => Promise.reject(new Error("Broken")));
  const next = mutex.runExclusive("a", () => Promise.resolve("next"));
  await assertRejects(() => failed, Error, "Broken");
  assertEquals(await next, "next");
});
