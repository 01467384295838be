/** The conformance kit, as a person runs it, against the real gateway with its own limits. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { spawnMain } from "../support/gateway_process.ts";
import { withEnvironment } from "../support/environment.ts";

/** What the kit tells programs, as far as it is looked at here. */
interface Told {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly checks: readonly { readonly name: string; readonly result: string; readonly seen?: string }[];
}

/** Runs the kit against a gateway of its own, whose burst of failures nobody else uses up. */
async function runKit(words: readonly string[]) {
  // What the kit waits for, it waits for once a second then.
  const env = { STREAM_KEEPALIVE_SECONDS: "1" };
  return await withEnvironment(async ({ gateway: { url, key, directory } }) => {
    const child = spawnMain(["conformance", "--url", url, ...words], { directory, env: { GATEWAY_KEY: key } });
    const { code, stdout, stderr } = await child.output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { code, out: out ?? "", err: err ?? "", key };
  }, { env, ms: 120_000 });
}

Deno.test("conformance finds nothing wrong with this gateway, in either version, and skips nothing", async () => {
  const runs = await Promise.all(["1", "2"].map((version) => runKit(["--protocol", version, "--slow", "--json"])));
  for (const { code, out, err, key } of runs) {
    const told: Told = JSON.parse(out);
    assertEquals(told.checks.filter(({ result }) => result !== "passed"), []);
    assertEquals([code, told.failed, told.skipped, told.passed], [0, 0, 0, told.checks.length]);
    assertEquals((out + err).includes(key), false, "The key was printed");
  }
});

Deno.test("conformance fails and tells why when the key is another one", async () => {
  const { code, out, key } = await runKit(["--protocol", "2", "--key", "ab".repeat(32)]);
  assertEquals(code, 1);
  assertStringIncludes(out, "FAILED   Envelope: shape of an answer");
  assertStringIncludes(out, "seen: HTTP 401 to a valid request: the gateway does not accept this key in version 2");
  assertStringIncludes(out, "passed   Transport: health has status and version, and nothing else");
  assertEquals(out.includes("ab".repeat(32)) || out.includes(key), false, "A key was printed");
});
