import { assertEquals } from "@std/assert";
import { AbsentKeys } from "../../src/push/absent_keys.ts";
import { MemoryPush } from "../support/memory_push.ts";

const DAY_MS = 24 * 3600 * 1000;
const PHONE = { key: "phone", keyCreated: 1 };

/** Store in which a key has a rule, a clock that can be set, and what is to be removed of the key at a time. */
async function makeAbsence() {
  const store = new MemoryPush();
  await store.putRule({ ...PHONE, name: "door", json: "{}" }, { max: 1 });
  const time = { wall: 0, running: 0 };
  const start = () => {
    const absent = new AbsentKeys({
      ...{ store, keys: { hasKeysFile: false }, log: { warn() {} } },
      clock: { now: () => time.wall, monotonic: () => time.running },
    });
    return async () => (await absent.findOrphans(() => new Map())).owners;
  };
  return { time, start };
}

Deno.test("findOrphans() returns what is missed for 30 days, however long the gateway runs", async () => {
  const { time, start } = await makeAbsence();
  const find = start();
  assertEquals(await find(), []);
  time.wall = time.running = 30 * DAY_MS - 1;
  assertEquals(await find(), []);
  time.wall = time.running = 30 * DAY_MS;
  assertEquals(await find(), [PHONE]);
});

Deno.test("findOrphans() returns nothing within a day after the start, whatever the clock is set to", async () => {
  const { time, start } = await makeAbsence();
  const first = start();
  assertEquals(await first(), []);
  time.wall = 20_000 * DAY_MS;
  assertEquals(await first(), []);
  time.running = DAY_MS - 1;
  assertEquals(await first(), []);
  const second = start();
  assertEquals(await second(), []);
  time.running += DAY_MS - 1;
  assertEquals([await second(), await first()], [[], [PHONE]]);
  time.running += 1;
  assertEquals(await second(), [PHONE]);
});
