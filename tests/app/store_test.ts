import { getLogger } from "@logtape/logtape";
import { assertEquals, assertGreater } from "@std/assert";
import { openStore, type StoreOptions } from "../../src/app/store.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { RequestIdentity } from "../../src/store/replay_store.ts";
import process from "node:process";
import { until, within } from "../support/deadline.ts";

const NOW = 1_700_000_000;

/** Opens a store in memory, on clocks that the test sets. */
async function openTestStore(
  aheadBySeconds: number,
  options: Pick<StoreOptions, "aloneSince" | "newKeyId"> = {},
) {
  const clock = { ahead: aheadBySeconds, seconds: NOW };
  const gauges = new Map<string, () => unknown>();
  const store = await openStore(parseConfig({ SECRET_KEY_FILE: "/absent/secret_key.txt" }), {
    redis: undefined,
    files: Deno,
    kids: () => [],
    log: getLogger("test"),
    metrics: { gauge: ({ name, read }) => void gauges.set(name, read), counter: () => {} },
    now: () => (clock.seconds + clock.ahead) * 1000,
    monotonic: () => clock.seconds * 1000,
    ...options,
  });
  let count = 0;
  const identity = (timestamp: number): RequestIdentity => {
    const nonce = new Uint8Array(12);
    new DataView(nonce.buffer).setUint32(0, count++);
    return { kid: "a", nonce, tag: new Uint8Array(16), timestamp };
  };
  const claim = async (request: RequestIdentity) => (await store.replays.claim(request)).kind;
  return { clock, store, identity, claim, gauge: (name: string) => gauges.get(name)?.() };
}

Deno.test("openStore() registers the number of requests in memory, and their bytes", async () => {
  const { store, identity, claim, gauge } = await openTestStore(0);
  try {
    assertEquals([gauge("e2e_gateway_replay_entries"), gauge("e2e_gateway_replay_bytes")], [0, 0]);
    await claim(identity(NOW + 1));
    await claim(identity(NOW + 1));
    assertEquals(gauge("e2e_gateway_replay_entries"), 2);
    assertGreater(Number(gauge("e2e_gateway_replay_bytes")), 0);
  } finally {
    await store.close();
  }
});

for (const ahead of [90, 7200]) {
  Deno.test(`openStore() accepts requests within seconds after its clock, ${ahead} s ahead at the start, is corrected`, async () => {
    const { clock, store, identity, claim } = await openTestStore(ahead);
    try {
      assertEquals(store.isAhead(), false);
      const ranAhead = identity(NOW + ahead);
      assertEquals(await claim(ranAhead), "first");
      clock.seconds += 10;
      clock.ahead = 0;
      assertEquals(store.isAhead(), true, "Ready while all requests are refused");
      assertEquals(await claim(identity(NOW + 10)), "first");
      assertEquals(store.isAhead(), false);
      assertEquals(await claim(identity(NOW + 9)), "forgotten", "An earlier process may have run it");
      assertEquals(await claim(ranAhead), "repeat");
      clock.seconds += ahead + 121;
      assertEquals(await claim(identity(NOW + 131 + ahead)), "first");
      assertEquals(await claim(ranAhead), "forgotten", "It ran while the clock was ahead");
    } finally {
      await store.close();
    }
  });
}

Deno.test("openStore() refuses requests of an earlier process once its clock, behind at the start, is corrected", async () => {
  const { clock, store, identity, claim } = await openTestStore(-7200);
  try {
    clock.seconds += 10;
    clock.ahead = 0;
    assertEquals(await claim(identity(NOW - 5)), "forgotten");
    assertEquals(await claim(identity(NOW + 10)), "first");
  } finally {
    await store.close();
  }
});

Deno.test("isAhead() is true again at the timestamps of the requests that were accepted while the clock was ahead", async () => {
  const { clock, store, identity, claim } = await openTestStore(7200);
  try {
    for (let second = 0; second < 300; second++) {
      clock.seconds += 1;
      assertEquals(await claim(identity(clock.seconds + 7200)), "first");
    }
    clock.ahead = 0;
    await until("the step is noticed", () => !store.isAhead());
    clock.seconds = NOW + 7100;
    assertEquals([store.isAhead(), await claim(identity(clock.seconds))], [false, "first"]);
    clock.seconds = NOW + 7350;
    assertEquals([await claim(identity(clock.seconds)), store.isAhead()], ["forgotten", true]);
    clock.seconds = NOW + 7501;
    assertEquals([await claim(identity(clock.seconds)), store.isAhead()], ["first", false]);
  } finally {
    await store.close();
  }
});

Deno.test("claim() accepts no request twice when the clock is set back and ahead repeatedly", async () => {
  const { clock, store, identity, claim } = await openTestStore(0);
  const ran: RequestIdentity[] = [];
  try {
    for (const ahead of [0, -3600, 0, 7200, -90, 0]) {
      clock.seconds += 30;
      clock.ahead = ahead;
      await until("requests run again", async () => {
        const request = identity(clock.seconds + ahead + 1);
        if (await claim(request) !== "first") return false;
        ran.push(request);
        return true;
      });
      for (const request of ran) assertEquals(await claim(request) === "first", false);
    }
    clock.seconds += 121;
    for (const request of ran) assertEquals(await claim(request) === "first", false);
  } finally {
    await store.close();
  }
});

/** Largest steps of the clock, in seconds. */
const STEPS = [3, 20, 60, 150, 7200];

Deno.test("claim() accepts no request twice, however the clock is set, and accepts new ones once it is correct", async () => {
  for (let seed = 0; seed < 50; seed++) {
    const random = seededRandom(seed);
    const { clock, store, identity, claim } = await openTestStore(random() < 0.5 ? 0 : (random() - 0.5) * 20_000);
    const wall = () => clock.seconds + clock.ahead;
    const runs = async (request: RequestIdentity) =>
      Math.abs(wall() - request.timestamp) <= 60 && await claim(request) === "first";
    const ran: RequestIdentity[] = [];
    try {
      for (let step = 0; step < 100; step++) {
        clock.seconds += random() < 0.8 ? 3 * random() : 130 * random();
        if (random() < 0.15) clock.ahead += (random() - 0.5) * 2 * (STEPS[Math.floor(random() * STEPS.length)] ?? 0);
        if (random() < 0.05) clock.ahead = 0;
        const request = identity(wall() + (random() - 0.5) * 118);
        if (await runs(request)) ran.push(request);
        const recorded = step % 20 === 0 ? ran : ran.slice(-5);
        for (const request of recorded) assertEquals(await runs(request), false, `Twice, with seed ${seed}`);
      }
      // All requests with a timestamp in the future have expired by then.
      clock.seconds += 1_000_000;
      clock.ahead = 0;
      await runs(identity(wall()));
      clock.seconds += 1;
      assertEquals(await runs(identity(wall())), true, `Nothing runs, with seed ${seed}`);
    } finally {
      await store.close();
    }
  }
});

/** Creates a random number generator with a seed (Numerical Recipes, section 7.1). */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

Deno.test("begun() settles at once, without a negative timer, when the start took longer than a second", async () => {
  for (const aheadBySeconds of [0, 7200, -7200]) {
    const { clock, store } = await openTestStore(0);
    const warnings: string[] = [];
    const record = ({ name }: Error) => void warnings.push(name);
    process.on("warning", record);
    try {
      clock.seconds += 5;
      clock.ahead = aheadBySeconds;
      await within("the beginning", store.begun());
      // Warnings are emitted a little later.
      await new Promise((resolve) => setTimeout(resolve));
      assertEquals(warnings, []);
    } finally {
      process.off("warning", record);
      await store.close();
    }
  }
});

Deno.test("openStore() accepts the second of the start for keys that began after it, and for no other", async () => {
  const { store, identity, claim } = await openTestStore(0.5, { newKeyId: "new" });
  try {
    await within("the beginning", store.begun());
    assertEquals(store.isAhead(), false);
    assertEquals(await claim({ ...identity(NOW), kid: "new" }), "first");
    assertEquals(await claim({ ...identity(NOW - 1), kid: "new" }), "forgotten");
    assertEquals(await claim(identity(NOW)), "forgotten", "An earlier process may have run it");
    assertEquals(await claim({ ...identity(NOW), keyCreated: NOW * 1000 }), "forgotten", "It is older than the start");
    assertEquals(await claim({ ...identity(NOW), keyCreated: NOW * 1000 + 600 }), "first");
    assertEquals(await claim(identity(NOW + 1)), "first");
  } finally {
    await store.close();
  }
});

Deno.test("openStore() refuses requests of the new key as those of others once the clock was set", async () => {
  const { clock, store, identity, claim } = await openTestStore(0, { newKeyId: "new" });
  try {
    const ran = { ...identity(NOW), kid: "new" };
    assertEquals(await claim(ran), "first");
    clock.ahead = -7200;
    assertEquals(await claim({ ...identity(NOW - 7201), kid: "new" }), "forgotten");
    assertEquals(await claim(identity(NOW - 7200)), "first");
    assertEquals(await claim(ran), "repeat");
  } finally {
    await store.close();
  }
});

Deno.test("openStore() begins with the second after the time from which on no earlier process takes requests", async () => {
  const { store, identity, claim } = await openTestStore(0.25, { aloneSince: (NOW - 1) * 1000 });
  try {
    assertEquals(await claim(identity(NOW - 1)), "forgotten");
    assertEquals(await claim(identity(NOW)), "first");
  } finally {
    await store.close();
  }
});

Deno.test("end() refuses all further requests, which another process may run, and still recognizes repeats", async () => {
  const { store, identity, claim } = await openTestStore(0);
  try {
    const ran = identity(NOW);
    assertEquals(await claim(ran), "first");
    await store.end();
    assertEquals([await claim(ran), await claim(identity(NOW + 1))], ["repeat", "unavailable"]);
  } finally {
    await store.close();
  }
});
