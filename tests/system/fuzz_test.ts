/** Ten thousand malformed requests to the real process; `deno task fuzz` sends more. */
import { assert, assertEquals } from "@std/assert";
import { fuzzLimits, limitFaults } from "../../tools/fuzz/limits.ts";
import { runFuzz } from "../../tools/fuzz/run_fuzz.ts";
import { within } from "../support/deadline.ts";
import { IS_LINUX, needing } from "../support/needs.ts";

/** A fixed seed makes failures reproducible. */
const SEED = 20_261_124;

async function fuzz(limited: boolean, requests: number): Promise<void> {
  const { counts, samples, faults } = await runFuzz({ seed: SEED, requests, limited, sampleCount: 2 });
  assertEquals(faults, []);
  assertEquals(counts.requests, requests);
  // A run without successful requests proves nothing.
  assert(counts.executed.publish > 0 && counts.executed.call > 0, JSON.stringify(counts.executed));
  const [half, whole] = samples.map(({ rss }) => rss);
  const growth = (whole ?? Infinity) - (half ?? 0);
  assert(growth < 200 * 2 ** 20, `Memory grew by ${growth} bytes in the second half`);
}

Deno.test(
  needing("gateways with and without limits answer 10,000 malformed requests as documented, without other effects", {
    Linux: IS_LINUX,
  }),
  () => within("both runs", Promise.all([fuzz(false, 7500), fuzz(true, 2500)]).then(() => {}), 240_000),
);

Deno.test(
  "a gateway enforces each of its limits: rates and concurrency",
  () => within("all floods", fuzzLimits().then((results) => assertEquals(limitFaults(results), [])), 120_000),
);
