import { assert, assertEquals, assertRejects } from "@std/assert";
import { VapidRegistration } from "../../src/push/vapid_registration.ts";
import { MemoryPush } from "../../src/store/state/memory_push.ts";
import { within } from "../support/deadline.ts";
import { needing } from "../support/needs.ts";
import { REDIS_SERVER, withRedis } from "../support/redis_server.ts";
import { openRedisState } from "../support/redis_state.ts";

/** Makes a registration, and the lines of its log. */
function makeRegistration(publicKey: string, store: Pick<MemoryPush, "registerKey">) {
  const lines: string[] = [];
  const log = { error: (text: string) => void lines.push(text) };
  return { registration: new VapidRegistration({ publicKey, file: "key.json", store, random: () => 0, log }), lines };
}

Deno.test("VapidRegistration lets the only gateway of a store use its key", async () => {
  const { registration, lines } = makeRegistration("A", new MemoryPush());
  assert(registration.fault !== undefined);
  await registration.register();
  assertEquals([registration.fault, lines], [undefined, []]);
});

Deno.test(
  needing("VapidRegistration keeps a gateway with another key from sending, also when it starts again", {
    "redis-server": REDIS_SERVER,
  }),
  () =>
    withRedis({}, async (redis) => {
      const states = [1, 2, 3].map(() => openRedisState(redis.url()));
      const faults = [];
      for (const [index, { state }] of states.entries()) {
        const { registration, lines } = makeRegistration(index === 1 ? "other" : "same", state);
        await registration.register();
        faults.push([registration.fault === undefined, lines.length]);
      }
      assertEquals(faults, [[true, 0], [false, 1], [true, 0]]);
      for (const one of states) await one.close();
    }),
);

Deno.test("VapidRegistration waits for a store that fails, and ends when it is told to", async () => {
  let failures = 2;
  const store = {
    registerKey: (key: string) => failures-- > 0 ? Promise.reject(new Error("away")) : Promise.resolve(key),
  };
  const { registration, lines } = makeRegistration("A", store);
  await assertRejects(() => registration.register(), Error, "away");
  assert(registration.fault?.includes("try again later"));
  await within("the registration", registration.untilRegistered(new AbortController().signal));
  assertEquals([registration.fault, lines], [undefined, ["Push messages wait for their store: {reason}"]]);
  const aborted = makeRegistration("A", { registerKey: () => Promise.reject(new Error("away")) }).registration;
  await within("the end", aborted.untilRegistered(AbortSignal.abort()));
  assert(aborted.fault !== undefined);
});
