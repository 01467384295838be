/**
 * Exit codes of all commands. `doctor` has its own: 0 all right, 1 warnings, 2 something failed.
 *
 * @module
 */

/** Something failed: the gateway is out of reach or refuses, Jeedom refuses, a check fails. */
export const EXIT_FAILURE = 1;
/** The command line is wrong. */
export const EXIT_USAGE = 2;
/** The configuration or a file of keys is wrong (sysexits.h, EX_CONFIG). */
export const EXIT_CONFIG = 78;
/** A second Ctrl-C ended the program, or one where it asks for something (128 + SIGINT). */
export const EXIT_INTERRUPTED = 130;
