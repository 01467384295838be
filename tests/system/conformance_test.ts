/** The conformance command against the real gateway with its default limits. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { spawnMain } from "../support/gateway_process.ts";
import { withEnvironment } from "../support/environment.ts";

/** JSON output of the command, as far as it is checked here. */
interface Report {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly checks: readonly { readonly name: string; readonly result: string; readonly seen?: string }[];
}

/** Runs the command against its own gateway, whose failure rate is unused. */
async function runKit(args: readonly string[]) {
  // The events that the command waits for then occur every second.
  const env = { STREAM_KEEPALIVE_SECONDS: "1" };
  return await withEnvironment(async ({ gateway: { url, key, directory } }) => {
    const child = spawnMain(["conformance", "--url", url, ...args], { directory, env: { GATEWAY_KEY: key } });
    const { code, stdout, stderr } = await child.output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { code, out: out ?? "", err: err ?? "", key };
  }, { env, ms: 120_000 });
}

Deno.test("conformance passes and skips nothing for this gateway, in both versions", async () => {
  const runs = await Promise.all(["1", "2"].map((version) => runKit(["--protocol", version, "--slow", "--json"])));
  for (const { code, out, err, key } of runs) {
    const report: Report = JSON.parse(out);
    assertEquals(report.checks.filter(({ result }) => result !== "passed"), []);
    assertEquals([code, report.failed, report.skipped, report.passed], [0, 0, 0, report.checks.length]);
    assertEquals((out + err).includes(key), false, "The key was printed");
  }
});

Deno.test("conformance fails with the reason for a wrong key", async () => {
  const { code, out, key } = await runKit(["--protocol", "2", "--key", "ab".repeat(32)]);
  assertEquals(code, 1);
  assertStringIncludes(out, "FAILED   Envelope: shape of an answer");
  assertStringIncludes(out, "seen: HTTP 401 to a valid request: the gateway does not accept this key in version 2");
  assertStringIncludes(out, "passed   Transport: health has status and version, and nothing else");
  assertEquals(out.includes("ab".repeat(32)) || out.includes(key), false, "A key was printed");
});
