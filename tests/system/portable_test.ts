/** The tests of the protocol on the platforms of clients: Node, browsers, and an older Deno. */
import { assert, assertEquals } from "@std/assert";
import { CHROMIUM, runInChromium } from "../portable/run_in_chromium.ts";
import { runInProcess } from "../portable/run_in_process.ts";
import { countTests, writeBundle } from "../portable/test_bundle.ts";
import type { Outcome } from "../portable/test_collector.ts";
import { needing } from "../support/needs.ts";

/** Oldest supported version of Node. */
const OLDEST_NODE = 20;

const NODE = findNode();

/** Path of Node; undefined if it is not installed, unless REQUIRE_NODE is set, as in CI. */
function findNode(): string | undefined {
  const version = nodeVersion();
  if (version >= OLDEST_NODE) return "node";
  if (Deno.env.get("REQUIRE_NODE") !== undefined) throw new Error(`Node ${OLDEST_NODE} or newer is missing`);
  return undefined;
}

function nodeVersion(): number {
  try {
    const { stdout } = new Deno.Command("node", { args: ["--version"], stderr: "null" }).outputSync();
    return Number(/^v(\d+)/.exec(new TextDecoder().decode(stdout))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

let directory = "";
let expected = 0;

Deno.test.beforeAll(async () => {
  directory = await Deno.makeTempDir({ prefix: "portable-" });
  await writeBundle(directory);
  expected = await countTests(directory);
});

Deno.test.afterAll(async () => {
  await Deno.remove(directory, { recursive: true });
});

/** Checks that every test of the protocol ran and passed. */
function assertAllPass(outcomes: readonly Outcome[]): void {
  assertEquals(outcomes.filter(({ failure }) => failure !== undefined), []);
  assert(expected > 0, "Deno finds no tests");
  assertEquals(outcomes.length, expected, "Not as many tests as on Deno");
}

Deno.test("the protocol's tests pass on a Deno without native base64", async () => {
  assertAllPass(await runInProcess(directory, [Deno.execPath(), "run", "--quiet", "--no-prompt"]));
});

Deno.test({
  ...needing(`the protocol's tests pass on Node ${OLDEST_NODE} or newer`, { "Node 20 with npm": NODE }),
  fn: async () => assertAllPass(await runInProcess(directory, [NODE ?? "node"])),
});

Deno.test({
  ...needing("the protocol's tests pass in Chromium", { chromium: CHROMIUM }),
  fn: async () => assertAllPass(await runInChromium(directory, CHROMIUM ?? "chromium")),
});
