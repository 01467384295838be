/** Wall clock of one process that can be set while it runs, by preloading libfaketime. */
import { findProgram } from "../../tests/support/programs.ts";

const DIRECTORIES = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/local/lib"];

/** Path of the library, or undefined. */
export const LIBFAKETIME: string | undefined = findProgram(
  DIRECTORIES.map((directory) => `${directory}/faketime/libfaketimeMT.so.1`),
  "REQUIRE_LIBFAKETIME",
);

/** File in the directory of a process with the offset of its clock. */
const OFFSET_FILE = "clock_offset";

/** Returns the environment variables for a process whose wall clock can be set; its monotonic clock is unchanged. */
export function faketimeEnv(): Record<string, string> {
  return {
    LD_PRELOAD: LIBFAKETIME ?? "",
    FAKETIME_TIMESTAMP_FILE: OFFSET_FILE,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
}

/** Sets the clock of the processes in a directory, in seconds relative to the real clock. */
export async function setClock(directory: string, seconds: number): Promise<void> {
  const path = `${directory}/${OFFSET_FILE}`;
  await Deno.writeTextFile(`${path}.new`, `${seconds < 0 ? "" : "+"}${seconds}\n`);
  // Atomic, so that the process never reads a partial file.
  await Deno.rename(`${path}.new`, path);
}
