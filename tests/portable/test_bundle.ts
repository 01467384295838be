/** The tests of the protocol in one JavaScript file, for platforms without Deno. */

const ROOT = new URL("../../", import.meta.url);
const TESTS = new URL("tests/protocol/", ROOT);
const COLLECTOR = new URL("test_collector.ts", import.meta.url);

/** Name of the bundle in its directory. */
export const BUNDLE = "tests.mjs";

/** Lists the modules of tests that run everywhere: all that there are for the protocol. */
function testModules(): string[] {
  const names = Array.from(Deno.readDirSync(TESTS), ({ name }) => name).filter((name) => name.endsWith("_test.ts"));
  return names.sort().map((name) => new URL(name, TESTS).href);
}

/**
 * Writes the bundle: a module that exports `runTests`, which runs all tests and resolves to their outcomes.
 *
 * @param directory where to write
 */
export async function writeBundle(directory: string): Promise<void> {
  const imports = testModules().map((url) => `  await import(${JSON.stringify(url)});\n`);
  const entry = `${directory}/entry.ts`;
  await Deno.writeTextFile(
    entry,
    `import { TestCollector } from ${JSON.stringify(COLLECTOR.href)};\n` +
      `export async function runTests() {\n` +
      `  const collector = new TestCollector();\n  collector.install();\n${imports.join("")}` +
      `  return await collector.run();\n}\n`,
  );
  // Told that it is for browsers, it brings nothing in that only Node or Deno has.
  await runDeno(["bundle", "--quiet", "--platform", "browser", "--output", `${directory}/${BUNDLE}`, entry]);
}

/**
 * Counts the tests that Deno itself finds in the same modules, without running them.
 *
 * @param directory where to write a module that imports them all
 */
export async function countTests(directory: string): Promise<number> {
  const all = `${directory}/all_test.ts`;
  await Deno.writeTextFile(all, testModules().map((url) => `import ${JSON.stringify(url)};\n`).join(""));
  const nothing = "/^no test has this name$/";
  const output = await runDeno(["test", "--allow-all", "--no-check", "--filter", nothing, all]);
  return Number(/ (\d+) filtered out/.exec(output)?.[1]);
}

async function runDeno(args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT.pathname,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`deno ${args[0]} has failed: ${text.decode(stderr)}`);
  return text.decode(stdout);
}
