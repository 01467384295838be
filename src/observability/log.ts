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

const ignore = () => {};

/** Log of what is reported in another way. */
export const SILENT_LOG: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Returns a message with its properties filled in, for output that is not a log. */
export function fillTemplate(message: string, properties: Readonly<Record<string, unknown>> = {}): string {
  return message.replace(/\{(\w+)\}/g, (_, name: string) => String(properties[name]));
}

/** Record of something that was logged. */
export interface LogRecord {
  /** Name of the logger. */
  readonly category: readonly string[];
  /** Level. */
  readonly level: "trace" | "debug" | "info" | "warning" | "error" | "fatal";
  /** Texts of the template, and between them the values of the properties that it names. */
  readonly message: readonly unknown[];
  /** Template of the message. */
  readonly rawMessage: string | TemplateStringsArray;
  /** Time, in milliseconds since 1970. */
  readonly timestamp: number;
  /** Values by name. */
  readonly properties: Record<string, unknown>;
}

/** Formats a record as a line, with its line break. */
export type RecordFormatter = (record: LogRecord) => string;
