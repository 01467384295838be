/**
 * Interface of the log. Only `logtape.ts` imports the library behind it.
 *
 * @module
 */

/** Logger with levels. Messages name properties in braces, and hold no secret. */
export interface Log {
  /** Logs a detail for troubleshooting. */
  debug(message: string, properties?: Record<string, unknown>): void;
  /** Logs a normal event. */
  info(message: string, properties?: Record<string, unknown>): void;
  /** Logs a failure of a request, or of a dependency. */
  warn(message: string, properties?: Record<string, unknown>): void;
  /** Logs a failure that should never occur. */
  error(message: string, properties?: Record<string, unknown>): void;
}
