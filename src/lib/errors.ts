/**
 * Text and kind of caught values: JavaScript throws anything.
 *
 * @module
 */

/** Returns the message of an error, or any other value as text. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns the class of an error, such as `NotFound`; "unknown" for any other value. */
export function errorName(error: unknown): string {
  return error instanceof Error ? error.name : "unknown";
}

/** Recognizes the error of a full disk or an exceeded disk quota. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}
