/**
 * Runs the program `tailscale`.
 *
 * @module
 */
import { errorName } from "../lib/errors.ts";
import type { ProgramOutput } from "../platform.ts";
import type { Machine } from "./machine.ts";

/** Words that ask for the state of this machine. */
export const TAILSCALE_STATUS: readonly string[] = ["status", "--json", "--peers=false"];

/** Words that ask for what Funnel and Serve lead to. */
export const FUNNEL_STATUS: readonly string[] = ["funnel", "status", "--json"];

/** Means of running it. */
export interface RunTailscaleOptions {
  /** Words behind `tailscale`. */
  readonly args: readonly string[];
  /** Ends the program; a daemon that hangs keeps it waiting forever. */
  readonly signal: AbortSignal;
}

/** Runs it to its end; returns a text that says why where that is not possible. */
export async function runTailscale(
  { run }: Pick<Machine, "run">,
  { args, signal }: RunTailscaleOptions,
): Promise<ProgramOutput | string> {
  try {
    return await run("tailscale", args, { signal });
  } catch (error) {
    const name = errorName(error);
    if (name === "NotFound") return "Not installed";
    return name === "NotCapable" ? "The sandbox does not allow to run it" : "It cannot be run";
  }
}
