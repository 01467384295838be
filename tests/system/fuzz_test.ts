/** Ten thousand malformed requests against the real process; `deno task fuzz` sends more of them. */
import { assert, assertEquals } from "@std/assert";
import { runFuzz } from "../../reliability/fuzz/run_fuzz.ts";
import { within } from "../deadline.ts";

/** A fixed seed, so that a failure here is one that can be had again. */
const SEED = 20_261_124;

for (const [limited, requests] of [[false, 9000], [true, 1000]] as const) {
  const limits = limited ? "default limits" : "no limits";
  Deno.test(`a gateway with ${limits} answers ${requests} malformed requests as documented, and nothing else happens`, {
    ignore: Deno.build.os !== "linux",
  }, async () => {
    const { tally, samples, faults } = await within("the run", runFuzz({ seed: SEED, requests, limited }), 120_000);
    assertEquals(faults, []);
    assertEquals(tally.attempts, requests);
    // Nothing is proved where nothing gets through.
    assert(tally.ran.publish > 0 && tally.ran.call > 0, JSON.stringify(tally.ran));
    const growth = (samples.at(-1)?.rss ?? Infinity) - (samples[1]?.rss ?? 0);
    assert(growth < 400 * 2 ** 20, `Memory grew by ${growth} bytes`);
  });
}
