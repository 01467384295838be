/** Ten thousand malformed requests against the real process; `deno task fuzz` sends more of them. */
import { assert, assertEquals } from "@std/assert";
import { fuzzLimits, limitFaults } from "../../tools/fuzz/limits.ts";
import { runFuzz } from "../../tools/fuzz/run_fuzz.ts";
import { within } from "../support/deadline.ts";
import { IS_LINUX, needing } from "../support/needs.ts";

/** A fixed seed, so that a failure here is one that can be had again. */
const SEED = 20_261_124;

async function fuzz(limited: boolean, requests: number): Promise<void> {
  const { tally, samples, faults } = await runFuzz({ seed: SEED, requests, limited, looks: 2 });
  assertEquals(faults, []);
  assertEquals(tally.attempts, requests);
  // Nothing is proved where nothing gets through.
  assert(tally.ran.publish > 0 && tally.ran.call > 0, JSON.stringify(tally.ran));
  const [half, whole] = samples.map(({ rss }) => rss);
  const growth = (whole ?? Infinity) - (half ?? 0);
  assert(growth < 200 * 2 ** 20, `Memory grew by ${growth} bytes in the second half`);
}

Deno.test(
  needing("gateways with and without limits answer 10,000 malformed requests as documented, and nothing else happens", {
    Linux: IS_LINUX,
  }),
  () => within("both runs", Promise.all([fuzz(false, 7500), fuzz(true, 2500)]).then(() => {}), 240_000),
);

Deno.test(
  "a gateway lets through no more than each of its limits: rates, and numbers at a time",
  () => within("all floods", fuzzLimits().then((results) => assertEquals(limitFaults(results), [])), 120_000),
);
