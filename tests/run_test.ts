import { assert, assertEquals, assertMatch } from "@std/assert";
import { TestProgress } from "./run.ts";
import { inTempDir } from "./support/temp_dir.ts";

const RUNNER = new URL("run.ts", import.meta.url).pathname;
const PROJECT = new URL("../deno.json", import.meta.url).pathname;

Deno.test("TestProgress.show() prefixes each result with the number of started files and the time", () => {
  const progress = new TestProgress(120);
  const first = "./tests/a_test.ts => one ... ok (3ms)";
  assertEquals(progress.show(first, 9.9), `[1/120 0:09] ${first}`);
  assertEquals(
    progress.show("./tests/b_test.ts => two ... FAILED (3ms)", 61),
    "[2/120 1:01] ./tests/b_test.ts => two ... FAILED (3ms)",
  );
  assertEquals(progress.show(first, 600), `[2/120 10:00] ${first}`);
});

Deno.test("TestProgress.show() returns all other lines unchanged, including the closing one", () => {
  const progress = new TestProgress(120);
  for (const line of ["", "ok | 123 passed (4 steps) | 0 failed | 1 ignored (3s)", "one => ./tests/a_test.ts:60:6"]) {
    assertEquals(progress.show(line, 1), line);
  }
  assertEquals(progress.ignoredTests(), []);
});

Deno.test("TestProgress.ignoredTests() lists the ignored tests by requirement, and the packages for them", () => {
  const progress = new TestProgress(3);
  const ignore = (needs: string) => progress.show(`./a_test.ts => one (needs ${needs}) ... ignored (0ms)`, 1);
  ignore("root");
  for (const needs of ["kotlinc", "kotlinc", "Node 20 with npm", "kotlinc", "mosquitto and openssl"]) {
    ignore(`\u001b[33m${needs}\u001b[0m`);
  }
  assertEquals(progress.ignoredTests(), [
    "Ignored tests, by missing requirement:",
    "    3  kotlinc",
    "    1  root",
    "    1  Node 20 with npm",
    "    1  mosquitto and openssl",
    "To run them on Debian: apt install kotlin libandroid-json-java mosquitto nodejs npm openssl",
  ]);
});

/** Runs the tests in a file with the given text. */
async function runTests(text: string): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
  let outcome = { code: -1, lines: [""] };
  await inTempDir(async (directory) => {
    await Deno.writeTextFile(`${directory}/some_test.ts`, text);
    const args = ["run", "-A", "--quiet", "--config", PROJECT, RUNNER, "some_test.ts"];
    const env = { NO_COLOR: "1" };
    const { code, stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: directory, env }).output();
    outcome = { code, lines: new TextDecoder().decode(stdout).split("\n") };
  });
  return outcome;
}

Deno.test("run.ts returns the exit code of the tests, and ends with the ignored ones", async () => {
  const good = await runTests(
    `Deno.test("works", () => {}); Deno.test({ name: "not here (needs kotlinc)", ignore: true, fn() {} });`,
  );
  assertEquals(good.code, 0, good.lines.join("\n"));
  assertMatch(good.lines[0] ?? "", /^\[1\/1 0:\d\d\] \.\/some_test\.ts => works \.\.\. ok/);
  assertEquals(good.lines.slice(-3), [
    "    1  kotlinc",
    "To run them on Debian: apt install kotlin libandroid-json-java",
    "",
  ]);
  const bad = await runTests(`Deno.test("fails", () => { throw new Error("Why"); });`);
  assertEquals(bad.code, 1);
  assert(bad.lines.some((line) => line.startsWith("FAILED | 0 passed | 1 failed")), bad.lines.join("\n"));
});
