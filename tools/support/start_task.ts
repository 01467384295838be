/** What `deno task start` passes to the gateway besides its permissions. */
import { resolve } from "node:path";
import type { Variables } from "../../src/config/rules.ts";

/** Options of `deno task start` that limit memory. */
export interface StartTask {
  /** Variables of the allocator. */
  readonly env: Variables;
  /** Flags of V8, for `deno run`. */
  readonly flags: readonly string[];
}

const THIS_CHECKOUT = new URL("../..", import.meta.url).pathname;

/** Reads the options from the `deno.json` of a checkout. */
export async function readStartTask(checkout: string = THIS_CHECKOUT): Promise<StartTask> {
  const { tasks: { start: { command } } } = JSON.parse(await Deno.readTextFile(resolve(checkout, "deno.json")));
  const words = String(command).split(" ");
  return {
    env: Object.fromEntries(words.filter((word) => word.startsWith("MALLOC_")).map((word) => word.split("=", 2))),
    flags: words.filter((word) => word.startsWith("--v8-flags=")),
  };
}
