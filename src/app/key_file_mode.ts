/**
 * Warning of a key file that others could read.
 *
 * @module
 */
import type { Log } from "../observability/log.ts";

/** Warns that others could read a key file until its mode was changed. */
export function warnOfMode(file: string, log: Pick<Log, "warn">): void {
  log.warn("Key file {file} could be read by others: its mode is 0600 now", { file });
}
