/**
 * The machine, as far as the doctor needs it.
 *
 * @module
 */
import type { Platform } from "../platform.ts";

/** Part of the platform that the doctor uses. It changes no file. */
export type Machine = Pick<
  Platform,
  "createHttpClient" | "denoVersion" | "fetch" | "files" | "freeBytes" | "listen" | "lookup" | "run"
>;
