import { getLogger } from "@logtape/logtape";
import { assertEquals } from "@std/assert";
import { openStore } from "../../src/cli/open_store.ts";
import { parseConfig } from "../../src/config.ts";
import type { RequestIdentity } from "../../src/security/replay_store.ts";
import { until } from "../deadline.ts";

const NOW = 1_700_000_000;

/** A store in memory on clocks that a test sets. */
async function openTestStore(aheadBySeconds: number) {
  const clock = { ahead: aheadBySeconds, seconds: NOW };
  const store = await openStore(parseConfig({}), {
    log: getLogger("test"),
    now: () => (clock.seconds + clock.ahead) * 1000,
    monotonic: () => clock.seconds * 1000,
  });
  let count = 0;
  const identity = (timestamp: number): RequestIdentity => {
    const nonce = new Uint8Array(12);
    new DataView(nonce.buffer).setUint32(0, count++);
    return { kid: "a", nonce, tag: new Uint8Array(16), timestamp };
  };
  const claim = async (request: RequestIdentity) => (await store.replays.claim(request)).kind;
  return { clock, store, identity, claim };
}

for (const ahead of [90, 7200]) {
  Deno.test(`a store that began ${ahead} s ahead accepts requests within seconds of the clock being set right`, async () => {
    const { clock, store, identity, claim } = await openTestStore(ahead);
    try {
      assertEquals(store.isAhead(), false);
      const ranAhead = identity(NOW + ahead);
      assertEquals(await claim(ranAhead), "first");
      clock.seconds += 10;
      clock.ahead = 0;
      assertEquals(store.isAhead(), true, "Ready while everything is refused");
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

Deno.test("a store that began with its clock behind refuses what an earlier process ran, from the moment the clock is set right", async () => {
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

Deno.test("a store is ahead again when the time comes of what it accepted while its clock was ahead", async () => {
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

Deno.test("a store lets nothing run twice when the clock is set back and ahead, again and again", async () => {
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
