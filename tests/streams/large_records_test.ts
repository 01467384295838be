import { assertEquals } from "@std/assert";
import { LargeRecords } from "../../src/streams/event_stream.ts";
import { settle } from "../support/settle.ts";

const MIB = 2 ** 20;

Deno.test("acquire() lets an owner hold 16 MiB of large records, one after the other, and no other owner wait", async () => {
  const records = new LargeRecords();
  const taken: string[] = [];
  const take = async (name: string, bytes: number, owner = "phone") => {
    const release = await records.acquire(owner, bytes);
    taken.push(name);
    return release;
  };
  const [first, second] = [take("first", 6 * MIB), take("second", 6 * MIB)];
  const third = take("third", 6 * MIB);
  const other = take("other", 10 * MIB, "other");
  await settle();
  assertEquals(taken, ["first", "second", "other"]);
  (await second)?.();
  (await third)?.();
  (await first)?.();
  (await other)?.();
  assertEquals(taken, ["first", "second", "other", "third"]);
});

Deno.test("acquire() asks no room for a small record, and gives a single one all that it needs", async () => {
  const records = new LargeRecords();
  assertEquals(records.acquire("phone", MIB), undefined);
  const release = await records.acquire("phone", 100 * MIB);
  let isIn = false;
  const next = records.acquire("phone", 2 * MIB)?.then(() => isIn = true);
  await settle();
  assertEquals(isIn, false);
  release?.();
  await next;
  assertEquals(isIn, true);
});
