import { assert, assertEquals, assertRejects } from "@std/assert";
import { KeysCipher, VAPID_PURPOSE } from "../../src/keys/keys_cipher.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { generateVapidKey, parseVapidKey } from "../../src/push/vapid_key.ts";
import { VapidRegistration } from "../../src/push/vapid_registration.ts";
import { MemoryPush } from "../support/memory_push.ts";
import type { RegisteredKey } from "../../src/store/state/push_store.ts";
import { within } from "../support/deadline.ts";
import { needing } from "../support/needs.ts";
import { REDIS_SERVER, withRedis } from "../support/redis_server.ts";
import { openRedisState, withRedisState } from "../support/redis_state.ts";

/** Texts of two keys. */
const [A, B] = [await generateVapidKey(), await generateVapidKey()];

/** Makes a registration, and the lines of its log. */
async function makeRegistration(text: string, store: Pick<MemoryPush, "registerKey">, master?: number) {
  const lines: string[] = [];
  const log = { error: (text: string) => void lines.push(text) };
  const own = { text, key: await parseVapidKey(text) };
  const cipher = master === undefined ? undefined : openCipher(master);
  const options = { own, cipher, file: "key.json", store, random: () => 0, log };
  return { registration: new VapidRegistration(options), publicKey: own.key.publicKey, lines };
}

/** Opens the cipher of a master key of equal bytes. */
function openCipher(master: number, purpose = VAPID_PURPOSE): KeysCipher {
  return new KeysCipher(new Uint8Array(32).fill(master), randomBytes, purpose);
}

Deno.test("VapidRegistration lets the only gateway of a store use its key", async () => {
  const { registration, publicKey, lines } = await makeRegistration(A, new MemoryPush());
  assert(registration.fault !== undefined);
  await registration.register();
  assertEquals([registration.fault, registration.key?.publicKey, lines], [undefined, publicKey, []]);
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
        const { registration, lines } = await makeRegistration(index === 1 ? B : A, state);
        await registration.register();
        faults.push([registration.fault === undefined, registration.key !== undefined, lines.length]);
      }
      assertEquals(faults, [[true, true, 0], [false, false, 1], [true, true, 0]]);
      for (const one of states) await one.close();
    }),
);

Deno.test(
  needing("VapidRegistration takes the key of another gateway with the same master key, and no other", {
    "redis-server": REDIS_SERVER,
  }),
  () =>
    withRedis({}, (redis) =>
      withRedisState(redis.url(), async (state) => {
        const register = async (text: string, master?: number) => {
          const { registration } = await makeRegistration(text, state, master);
          await registration.register();
          return registration.key?.publicKey;
        };
        const { publicKey } = await parseVapidKey(A);
        // The first one has no master key yet.
        assertEquals([await register(A), await register(B, 1)], [publicKey, undefined]);
        assertEquals([await register(A, 1), await register(B, 1)], [publicKey, publicKey]);
        assertEquals([await register(B, 2), await register(B)], [undefined, undefined]);
        // With a new master key, the one that has the file encrypts it anew.
        assertEquals([await register(A, 2), await register(B, 2)], [publicKey, publicKey]);
        const sealed = String(await redis.command("GET", "test:state:push:sealed_key"));
        assertEquals(await openCipher(2).open({ version: 1, sealed }), A);
        assertEquals(await openCipher(2, "another purpose").open({ version: 1, sealed }), undefined);
        // Who can write Redis cannot make gateways use a key that is not the registered one.
        await redis.command("SET", "test:state:push:public_key", (await parseVapidKey(B)).publicKey);
        assertEquals(await register(await generateVapidKey(), 2), undefined);
      })),
);

Deno.test("VapidRegistration waits for a store that fails, and ends when it is told to", async () => {
  let failures = 2;
  const store = {
    registerKey: (key: RegisteredKey) => failures-- > 0 ? Promise.reject(new Error("away")) : Promise.resolve(key),
  };
  const { registration, lines } = await makeRegistration(A, store);
  await assertRejects(() => registration.register(), Error, "away");
  assert(registration.fault?.includes("try again later"));
  await within("the registration", registration.untilRegistered(new AbortController().signal));
  assertEquals([registration.fault, lines], [undefined, ["Push messages wait for their store: {reason}"]]);
  const { registration: aborted } = await makeRegistration(A, {
    registerKey: () => Promise.reject(new Error("away")),
  });
  await within("the end", aborted.untilRegistered(AbortSignal.abort()));
  assert(aborted.fault !== undefined);
});
