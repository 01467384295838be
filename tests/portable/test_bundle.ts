/** The tests of the protocol in one JavaScript file, for platforms without Deno. */
import { runProgram } from "./run_program.ts";

const ROOT = new URL("../../", import.meta.url);
const PROTOCOL_TESTS = new URL("tests/protocol/", ROOT);
/** Tests of the modules of `src/lib` that the client uses; the others are for Deno. */
const LIB_TESTS = ["async", "backoff", "json_weight", "lru_cache", "read_chunks", "sse"].map((name) =>
  `tests/lib/${name}_test.ts`
);
const COLLECTOR = new URL("test_collector.ts", import.meta.url);

/** Name of the bundle in its directory. */
export const BUNDLE = "tests.mjs";

/** Lists the modules of tests that run everywhere. */
function testModules(): string[] {
  return [...testsIn(PROTOCOL_TESTS), ...LIB_TESTS.map((path) => new URL(path, ROOT).href)].sort();
}

function testsIn(folder: URL): string[] {
  return Array.from(Deno.readDirSync(folder)).flatMap(({ name, isDirectory }) => {
    if (isDirectory) return testsIn(new URL(`${name}/`, folder));
    return name.endsWith("_test.ts") ? [new URL(name, folder).href] : [];
  });
}

/**
 * Writes the bundle: a module that exports `runTests`, which runs all tests and resolves to their outcomes.
 *
 * @param directory where to write
 * @throws if Deno cannot bundle: it downloads esbuild, once, and CI has done so before the tests
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
  try {
    // For browsers, so that it includes nothing that only Node or Deno has.
    await runDeno(["bundle", "--quiet", "--platform", "browser", "--output", `${directory}/${BUNDLE}`, entry]);
  } catch (cause) {
    throw new Error("Deno cannot bundle: the first time, it needs the network to download esbuild", { cause });
  }
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
  return await runProgram([Deno.execPath(), ...args], { cwd: ROOT, env: { NO_COLOR: "1" } });
}
