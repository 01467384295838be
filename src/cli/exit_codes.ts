/**
 * Exit codes of all commands. `doctor` has its own: 0 all checks passed, 1 warnings, 2 at least one check failed.
 *
 * @module
 */

/** Failure: the gateway is unreachable or refuses, a service refuses, or a check fails. */
export const EXIT_FAILURE = 1;
/** Invalid command line. */
export const EXIT_USAGE = 2;
/** Invalid configuration or key file (sysexits.h, EX_CONFIG). */
export const EXIT_CONFIG = 78;
/** Second Ctrl-C, or one at a prompt (128 + SIGINT). */
export const EXIT_INTERRUPTED = 130;
