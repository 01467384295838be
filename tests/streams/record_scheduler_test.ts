import { assert, assertEquals } from "@std/assert";
import { RECORDS_PER_INTERVAL, RecordScheduler } from "../../src/streams/record_scheduler.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { settle } from "../support/settle.ts";

/** Acquires records for streams, and lists those that were admitted, in order. */
function makeScheduler() {
  const clock = new ManualClock();
  const scheduler = new RecordScheduler(clock);
  const admitted: string[] = [];
  return {
    clock,
    admitted,
    acquire(owner: string, count: number): void {
      for (let index = 0; index < count; index++) {
        const name = `${owner} ${index}`;
        const turn = scheduler.acquire(owner);
        if (turn === undefined) admitted.push(name);
        else turn.then(() => admitted.push(name));
      }
    },
  };
}

Deno.test("acquire() admits a household's streams at once, and starts no timer", () => {
  const { clock, admitted, acquire } = makeScheduler();
  for (let message = 1; message <= 20; message++) {
    acquire("phone", 50);
    assertEquals([admitted.length, clock.timers], [50 * message, 0]);
    clock.pass(50);
  }
});

Deno.test("acquire() lets the streams of a large key wait in order, some in each interval, and none after the last", async () => {
  const { clock, admitted, acquire } = makeScheduler();
  acquire("fleet", 3.5 * RECORDS_PER_INTERVAL);
  const counts = [];
  for (let interval = 0; interval < 4; interval++) {
    counts.push(admitted.length / RECORDS_PER_INTERVAL);
    clock.pass(10);
    await settle();
  }
  assertEquals(counts, [1, 2, 3, 3.5]);
  assertEquals(admitted, Array.from({ length: 3.5 * RECORDS_PER_INTERVAL }, (_, index) => `fleet ${index}`));
  assertEquals(clock.timers, 0);
});

Deno.test("acquire() lets another key's stream wait for no more than the interval, however many streams of a key wait", async () => {
  const { clock, admitted, acquire } = makeScheduler();
  acquire("fleet", 1000);
  acquire("phone", 1);
  assertEquals(admitted.includes("phone 0"), false);
  clock.pass(10);
  await settle();
  assert(admitted.includes("phone 0"));
  assertEquals(admitted.length, 2 * RECORDS_PER_INTERVAL);
});

Deno.test("acquire() shares each interval equally among the keys that wait", async () => {
  const { clock, admitted, acquire } = makeScheduler();
  acquire("first", RECORDS_PER_INTERVAL);
  admitted.length = 0;
  for (const owner of ["one", "two", "three", "four", "five"]) acquire(owner, 1000);
  clock.pass(10);
  await settle();
  const counts = ["one", "two", "three", "four", "five"].map((owner) =>
    admitted.filter((name) => name.startsWith(`${owner} `)).length
  );
  assertEquals(counts, Array(5).fill(RECORDS_PER_INTERVAL / 5));
});

Deno.test("acquire() admits no more in an interval whose timer was late", async () => {
  const { clock, admitted, acquire } = makeScheduler();
  acquire("fleet", 1000);
  clock.pass(5000);
  await settle();
  assertEquals(admitted.length, 2 * RECORDS_PER_INTERVAL);
});
