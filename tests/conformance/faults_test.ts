/** Each check of the kit fails at a gateway with the fault that it is about. */
import { assertEquals, assertMatch } from "@std/assert";
import { type CheckResult, runChecks, SUBJECTS } from "../../src/conformance/run_checks.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { type GatewayProcess, UNLIMITED } from "../support/gateway_process.ts";
import { withEnvironment } from "../support/environment.ts";
import { type Fault, FAULTS } from "./faults.ts";

/** Factor that shortens the waits of the kit for missing events. */
const SPEED = 5;

const clockAt = (speed: number): Pick<Clock, "now" | "after"> => ({
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms / speed);
    return () => clearTimeout(timer);
  },
});

async function check(gateway: GatewayProcess, { detectedBy, versions = [1, 2], isSilence, fetch: make }: Fault) {
  const secret = Uint8Array.fromHex(gateway.key);
  return await runChecks({
    url: gateway.url,
    secret,
    topic: "conformance",
    fetch: make(await importSecretKey(secret)),
    clock: clockAt(isSilence ? SPEED : 1),
    random: randomBytes,
    subjects: SUBJECTS.map(({ name, checks }) => ({ name, checks: checks.filter(({ name }) => name in detectedBy) })),
    versions,
    slow: true,
  });
}

const idOf = ({ subject, name, version }: Pick<CheckResult, "subject" | "name" | "version">) =>
  `${subject}: ${name} (${version ?? "no version"})`;

Deno.test("each check fails at a gateway with the fault that it is about", async (test) => {
  const env = { STREAM_KEEPALIVE_SECONDS: "1", ...UNLIMITED };
  await withEnvironment(async ({ gateway }) => {
    const failed = new Set<string>();
    for (const fault of FAULTS) {
      await test.step(fault.name, async () => {
        const results = await check(gateway, fault);
        assertEquals(new Set(results.map(({ name }) => name)), new Set(Object.keys(fault.detectedBy)));
        for (const result of results) {
          assertEquals(result.result, "failed", `${idOf(result)}: ${result.seen}`);
          assertMatch(result.seen ?? "", fault.detectedBy[result.name] ?? /^$/, idOf(result));
          failed.add(idOf(result));
        }
      });
    }
    const all = SUBJECTS.flatMap(({ name: subject, checks }) =>
      checks.flatMap(({ name, versions }) =>
        (versions.length === 0 ? [undefined] : versions).map((version) => idOf({ subject, name, version }))
      )
    );
    assertEquals(all.filter((id) => !failed.has(id)), [], "No fault makes these checks fail");
  }, { env, ms: 180_000 });
});
