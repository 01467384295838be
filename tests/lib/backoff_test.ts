import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Backoff } from "../../src/lib/backoff.ts";

/** Bounds of the waits, in milliseconds. */
const BOUNDS = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000];

Deno.test("Backoff draws each wait between half and all of a bound that doubles up to 30 s", () => {
  fc.assert(fc.property(fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), (draws) => {
    const rest = [...draws];
    const backoff = new Backoff(() => rest.shift() ?? 0.5);
    for (const bound of BOUNDS) {
      const wait = backoff.next();
      assert(wait >= bound / 2 && wait <= bound, `${wait} of ${bound}`);
    }
  }));
});

Deno.test("Backoff spreads the waits evenly", () => {
  assertEquals([0, 0.5, 0.75].map((drawn) => new Backoff(() => drawn).next()), [250, 375, 437.5]);
});

Deno.test("Backoff starts over after reset(), and stays at its bound after thousands of retries", () => {
  const backoff = new Backoff(() => 0);
  for (let tries = 0; tries < 5000; tries++) backoff.next();
  assertEquals(backoff.next(), 15_000);
  backoff.reset();
  assertEquals([backoff.next(), backoff.next()], [250, 500]);
});

Deno.test("Backoff keeps its jitter at another longest wait", () => {
  const draws = [0, 0.5, 0.9, 0, 0.5];
  const backoff = new Backoff(() => draws.shift() ?? 0, 2000);
  assertEquals(Array.from({ length: 5 }, () => backoff.next()), [250, 750, 1900, 1000, 1500]);
});

Deno.test("Backoff starts over after a connection that lasted eight times the wait before it", () => {
  const backoff = new Backoff(() => 0);
  backoff.resetAfter(0);
  assertEquals([backoff.next(), backoff.next()], [250, 500]);
  backoff.resetAfter(3_999);
  assertEquals(backoff.next(), 1_000);
  backoff.resetAfter(8_000);
  assertEquals(backoff.next(), 250);
});

Deno.test("Backoff grows to its longest wait when two clients end each other's connections", () => {
  fc.assert(fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), (draws) => {
    const random = () => draws.next().value ?? 0.5;
    const [one, other] = [new Backoff(random), new Backoff(random)];
    let wait = one.next();
    for (let turn = 0; turn < 20; turn++) {
      const client = turn % 2 === 0 ? other : one;
      // The connection of this one lasted as long as the other one waited.
      client.resetAfter(wait);
      wait = client.next();
    }
    assert(wait >= 15_000, `${wait}`);
  }));
});
