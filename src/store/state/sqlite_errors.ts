/**
 * Failures of SQLite as errors for the operator.
 *
 * @module
 */
import { errorText } from "../../lib/errors.ts";
import { RESTORE, StateFileError } from "./state_file.ts";

/** Primary result codes of SQLite: https://sqlite.org/rescode.html */
const [BUSY, CORRUPT, FULL, NO_DATABASE] = [5, 11, 13, 26];

/** Returns SQLite's primary result code; undefined for another error. */
function resultCode(error: unknown): number | undefined {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number"
    ? error.errcode & 0xff
    : undefined;
}

/** Returns whether another process writes to the database. */
export function isBusy(error: unknown): boolean {
  return resultCode(error) === BUSY;
}

/** Makes an error for the operator of a failure of SQLite or of the file system. */
export function stateFileError(path: string, error: unknown): StateFileError {
  if (error instanceof StateFileError) return error;
  return new StateFileError(`State file "${path}" cannot be used: ${errorText(error)}. ${remedyFor(error)}`, {
    cause: error,
  });
}

function remedyFor(error: unknown): string {
  switch (resultCode(error)) {
    case BUSY:
      return "Another process writes to it for too long: end that process";
    case FULL:
      return "Free some space on that disk";
    case CORRUPT:
    case NO_DATABASE:
      return RESTORE;
    default:
      return "Make it and its folder writable for the gateway, or set SECRET_KEY_FILE to a path on a local disk where " +
        "they are";
  }
}
