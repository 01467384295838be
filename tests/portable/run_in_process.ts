import { runProgram } from "./run_program.ts";
import { BUNDLE } from "./test_bundle.ts";
import type { Outcome } from "./test_collector.ts";

/** Takes away what Node below 25 has not, so that a newer one, and Deno, run the ways that do without. */
const RUNNER = `
for (const name of ["fromBase64", "fromHex"]) delete Uint8Array[name];
for (const name of ["toBase64", "toHex", "setFromBase64", "setFromHex"]) delete Uint8Array.prototype[name];
const { runTests } = await import("./${BUNDLE}");
console.log(JSON.stringify(await runTests()));
`;

/**
 * Runs a bundle of tests in a program that reads JavaScript, as an older platform: without base64 of its own.
 *
 * @param directory where the bundle is
 * @param command the program and its arguments, before the name of a file
 */
export async function runInProcess(directory: string, command: [string, ...string[]]): Promise<Outcome[]> {
  const file = `${directory}/runner.mjs`;
  await Deno.writeTextFile(file, RUNNER);
  return JSON.parse(await runProgram([...command, file]));
}
