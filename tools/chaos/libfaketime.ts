/** A wall clock for one process, to be set while it runs. Needs the library of the name, which Deno takes by preloading. */
import { findProgram } from "../../tests/support/programs.ts";

const PLACES = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/local/lib"];

/** Path of the library, or undefined. */
export const LIBFAKETIME: string | undefined = findProgram(
  PLACES.map((place) => `${place}/faketime/libfaketimeMT.so.1`),
  "REQUIRE_LIBFAKETIME",
);

/** File in a process's directory that says how far its clock is off. */
const OFFSET_FILE = "clock_offset";

/** Variables for a process in a directory whose clock can be set; a clock that never jumps stays as it is. */
export function faketimeEnv(): Record<string, string> {
  return {
    LD_PRELOAD: LIBFAKETIME ?? "",
    FAKETIME_TIMESTAMP_FILE: OFFSET_FILE,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
}

/** Sets the clock of the processes in a directory, in seconds against everybody's. */
export async function setClock(directory: string, seconds: number): Promise<void> {
  const path = `${directory}/${OFFSET_FILE}`;
  await Deno.writeTextFile(`${path}.new`, `${seconds < 0 ? "" : "+"}${seconds}\n`);
  // The process must not read half of it.
  await Deno.rename(`${path}.new`, path);
}
