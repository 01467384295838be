/** The kit can fail: each of its checks sees a gateway that is wrong in what the check is about. */
import { assertEquals, assertMatch } from "@std/assert";
import { type CheckResult, runChecks, SUBJECTS } from "../../src/conformance/run_checks.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { type GatewayProcess, UNLIMITED } from "../support/gateway_process.ts";
import { withEnvironment } from "../support/environment.ts";
import { type Fault, FAULTS } from "./faults.ts";

/** How much shorter the kit waits for what does not come. */
const HASTE = 5;

const clockAt = (speed: number): Pick<Clock, "now" | "after"> => ({
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms / speed);
    return () => clearTimeout(timer);
  },
});

async function check(gateway: GatewayProcess, { seenBy, versions = [1, 2], isSilence, fetch: make }: Fault) {
  const secret = Uint8Array.fromHex(gateway.key);
  return await runChecks({
    url: gateway.url,
    secret,
    topic: "conformance",
    fetch: make(await importSecretKey(secret)),
    clock: clockAt(isSilence ? HASTE : 1),
    random: randomBytes,
    subjects: SUBJECTS.map(({ name, checks }) => ({ name, checks: checks.filter(({ name }) => name in seenBy) })),
    versions,
    slow: true,
  });
}

const idOf = ({ subject, name, version }: Pick<CheckResult, "subject" | "name" | "version">) =>
  `${subject}: ${name} (${version ?? "no version"})`;

Deno.test("each check fails at a gateway that is wrong in what it is about", async (test) => {
  const env = { STREAM_KEEPALIVE_SECONDS: "1", ...UNLIMITED };
  await withEnvironment(async ({ gateway }) => {
    const failed = new Set<string>();
    for (const fault of FAULTS) {
      await test.step(fault.name, async () => {
        const results = await check(gateway, fault);
        assertEquals(new Set(results.map(({ name }) => name)), new Set(Object.keys(fault.seenBy)));
        for (const result of results) {
          assertEquals(result.result, "failed", `${idOf(result)}: ${result.seen}`);
          assertMatch(result.seen ?? "", fault.seenBy[result.name] ?? /^$/, idOf(result));
          failed.add(idOf(result));
        }
      });
    }
    const all = SUBJECTS.flatMap(({ name: subject, checks }) =>
      checks.flatMap(({ name, versions }) =>
        (versions.length === 0 ? [undefined] : versions).map((version) => idOf({ subject, name, version }))
      )
    );
    assertEquals(all.filter((id) => !failed.has(id)), [], "No wrong gateway shows that these can fail");
  }, { env, ms: 180_000 });
});
