import { within } from "../deadline.ts";
import type { Outcome } from "./test_collector.ts";
import { BUNDLE } from "./test_bundle.ts";

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
export async function runInProcess(directory: string, [program, ...args]: [string, ...string[]]): Promise<Outcome[]> {
  const file = `${directory}/runner.mjs`;
  await Deno.writeTextFile(file, RUNNER);
  const process = new Deno.Command(program, { args: [...args, file], stdout: "piped", stderr: "piped" }).spawn();
  try {
    const { success, stdout, stderr } = await within(`the tests end in ${program}`, process.output(), 120_000);
    const text = new TextDecoder();
    if (!success) throw new Error(`${program} has failed: ${text.decode(stderr)}`);
    return JSON.parse(text.decode(stdout));
  } catch (error) {
    kill(process);
    throw error;
  }
}

function kill(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
