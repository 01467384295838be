/**
 * Errors of InfluxDB in its answers.
 *
 * @module
 */
import { isObject, tryParseJson } from "../../lib/json.ts";
import { visibleLine } from "../../lib/visible.ts";

/** Longest message to keep, in characters. */
const MAX_LENGTH = 300;

/** Error of InfluxDB. The message is InfluxDB's own, for the log alone: it may quote the query. */
export class InfluxError extends Error {
  /** Makes the error from InfluxDB's message. */
  constructor(message: string) {
    super(visibleLine(message.slice(0, MAX_LENGTH)));
    this.name = "InfluxError";
  }
}

/** Returns the message in the body of an answer with an error status. */
export function errorMessageOf(text: string): string {
  const body = tryParseJson(text);
  if (!isObject(body)) return text;
  const { error, message } = body;
  return [error, message].find((one) => typeof one === "string") ?? text;
}
