import { within } from "../support/deadline.ts";

/** Longest time that a program may take, in milliseconds. */
const PROGRAM_MS = 120_000;

/**
 * Runs a program to its end.
 *
 * @param command the program and its arguments
 * @returns what it wrote on standard output
 * @throws if it fails, or does not end in time; then it is killed
 */
export async function runProgram(
  [program, ...args]: readonly [string, ...string[]],
  options: Pick<Deno.CommandOptions, "cwd" | "env"> = {},
): Promise<string> {
  const process = new Deno.Command(program, { ...options, args, stdout: "piped", stderr: "piped" }).spawn();
  const output = process.output();
  try {
    const { success, stdout, stderr } = await within(`the end of ${program} ${args.join(" ")}`, output, PROGRAM_MS);
    const text = new TextDecoder();
    if (!success) throw new Error(`${program} ${args.join(" ")} has failed: ${text.decode(stderr)}`);
    return text.decode(stdout);
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
