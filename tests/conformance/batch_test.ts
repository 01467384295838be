/** The checks of batches pass at every correct gateway, whether it sends batches or not. */
import { assertEquals } from "@std/assert";
import { BATCH } from "../../src/conformance/checks/batch.ts";
import { runChecks } from "../../src/conformance/run_checks.ts";
import { SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { withEnvironment } from "../support/environment.ts";
import { UNLIMITED } from "../support/gateway_process.ts";
import { pairing, withoutBatches } from "./faults.ts";

Deno.test("the checks of batches pass at a gateway with batches, without them, and at this one", () =>
  withEnvironment(async ({ gateway }) => {
    const secret = Uint8Array.fromHex(gateway.key);
    const key = await importSecretKey(secret);
    for (const [name, make] of Object.entries({ pairing: pairing((pair) => pair), withoutBatches, own: () => fetch })) {
      const results = await runChecks({
        url: gateway.url,
        secret,
        topic: "conformance",
        fetch: make(key),
        clock: SYSTEM_CLOCK,
        random: randomBytes,
        subjects: [BATCH],
        versions: [1, 2],
        slow: false,
      });
      assertEquals(results.map(({ result, seen }) => [result, seen]), Array(3).fill(["passed", undefined]), name);
    }
  }, { env: UNLIMITED }));
