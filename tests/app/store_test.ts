import { getLogger } from "@logtape/logtape";
import { assertEquals } from "@std/assert";
import { openStore } from "../../src/app/store.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { RequestIdentity } from "../../src/store/replay_store.ts";
import process from "node:process";
import { until, within } from "../support/deadline.ts";

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

/** How far a clock is set in one go, in seconds: at most. */
const STEPS = [3, 20, 60, 150, 7200];

Deno.test("no request runs twice, however the clock is set, and requests run again when it is right", async () => {
  for (let seed = 0; seed < 50; seed++) {
    const draw = drawFrom(seed);
    const { clock, store, identity, claim } = await openTestStore(draw() < 0.5 ? 0 : (draw() - 0.5) * 20_000);
    const wall = () => clock.seconds + clock.ahead;
    const runs = async (request: RequestIdentity) =>
      Math.abs(wall() - request.timestamp) <= 60 && await claim(request) === "first";
    const ran: RequestIdentity[] = [];
    try {
      for (let turn = 0; turn < 100; turn++) {
        clock.seconds += draw() < 0.8 ? 3 * draw() : 130 * draw();
        if (draw() < 0.15) clock.ahead += (draw() - 0.5) * 2 * (STEPS[Math.floor(draw() * STEPS.length)] ?? 0);
        if (draw() < 0.05) clock.ahead = 0;
        const request = identity(wall() + (draw() - 0.5) * 118);
        if (await runs(request)) ran.push(request);
        const recorded = turn % 20 === 0 ? ran : ran.slice(-5);
        for (const request of recorded) assertEquals(await runs(request), false, `Twice, with seed ${seed}`);
      }
      // What ran ahead of the time is over by then.
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

/** Draws numbers from 0 up to 1, the same ones for the same seed (Numerical Recipes, section 7.1). */
function drawFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

Deno.test("a store whose gateway took longer than the second to start waits no more, without a timer that runs backwards", async () => {
  for (const aheadBySeconds of [0, 7200, -7200]) {
    const { clock, store } = await openTestStore(0);
    const warnings: string[] = [];
    const note = ({ name }: Error) => void warnings.push(name);
    process.on("warning", note);
    try {
      clock.seconds += 5;
      clock.ahead = aheadBySeconds;
      await within("the beginning", store.begun());
      // Warnings come a moment later.
      await new Promise((resolve) => setTimeout(resolve));
      assertEquals(warnings, []);
    } finally {
      process.off("warning", note);
      await store.close();
    }
  }
});
