import { runProgram } from "./run_program.ts";
import { BUNDLE } from "./test_bundle.ts";
import type { Outcome } from "./test_collector.ts";

/** Removes what Node below 25 does not have, so that a newer one, and Deno, run the fallbacks. */
const RUNNER = `
for (const name of ["fromBase64", "fromHex"]) delete Uint8Array[name];
for (const name of ["toBase64", "toHex", "setFromBase64", "setFromHex"]) delete Uint8Array.prototype[name];
const { runTests } = await import("./${BUNDLE}");
console.log(JSON.stringify(await runTests()));
`;

/**
 * Runs a bundle of tests in a JavaScript runtime, as an older platform without native base64.
 *
 * @param directory where the bundle is
 * @param command the program and its arguments, before the name of a file
 */
export async function runInProcess(directory: string, command: [string, ...string[]]): Promise<Outcome[]> {
  const file = `${directory}/runner.mjs`;
  await Deno.writeTextFile(file, RUNNER);
  return JSON.parse(await runProgram([...command, file]));
}
