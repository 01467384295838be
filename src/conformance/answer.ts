/**
 * Opened answers, and expectations of them.
 *
 * @module
 */
import { isObject, tryParseJson } from "../lib/json.ts";
import { expect, expectEqual, Mismatch, Skip } from "./mismatch.ts";

/** JSON object whose fields are yet to be checked. */
export type Fields = Readonly<Record<string, unknown>>;

/** Answer with fields of the right types. */
export interface CheckedAnswer {
  /** Status of the request, as in HTTP. */
  readonly status: number;
  /** Answer of the service. */
  readonly body: unknown;
  /** Time of the gateway, in seconds since 1970. */
  readonly timestamp: number;
  /** Source of the answer: `gateway` for the gateway itself. */
  readonly source: unknown;
}

/** Beginning of a refusal for a missing right of the key. */
const NOT_GRANTED = "This key may not ";

/** Largest difference of two clocks, in seconds: beyond it every request would be expired. */
const CLOCK_SECONDS = 60;

/**
 * Parses a JSON object.
 *
 * @param what name of the text, for the message
 * @throws {Mismatch} if it is anything else
 */
export function parseFields(text: string, what: string): Fields {
  const value = tryParseJson(text);
  if (isObject(value)) return value;
  throw new Mismatch(`${what} is not a JSON object: ${text}`);
}

/**
 * Parses an answer.
 *
 * @throws {Mismatch} if a field is missing or of a wrong type
 */
export function parseAnswer(text: string): CheckedAnswer {
  const { status, body, timestamp, source } = parseFields(text, "Answer");
  const isAnswer = typeof status === "number" && body !== undefined && typeof timestamp === "number";
  if (!isAnswer) throw new Mismatch("Answer lacks a numeric status, a body, or a numeric timestamp");
  return { status, body, timestamp, source };
}

/** Returns the message of an answer that is an error of the gateway itself; undefined for any other answer. */
export function errorOf({ status, body }: CheckedAnswer): string | undefined {
  const { error } = status === 200 ? {} : parseBody(body);
  return typeof error === "string" ? error : undefined;
}

/** Returns the code of an error of the gateway itself. */
export function codeOf({ body }: CheckedAnswer): unknown {
  return parseBody(body)["code"];
}

function parseBody(body: unknown): Fields {
  const value = typeof body === "string" ? tryParseJson(body) : undefined;
  return isObject(value) ? value : {};
}

/** Refusal that the protocol requires. */
export interface Refusal {
  /** Status of the answer. */
  readonly status: number;
  /** Part of the message: all of it where the protocol fixes it, or the name of a field. */
  readonly error: string;
}

/**
 * Checks that an answer is a certain refusal.
 *
 * @throws {Mismatch} if it is another answer
 * @throws {Skip} if the key has no right to the request of the check
 */
export function expectRefusal(answer: CheckedAnswer, { status, error }: Refusal): void {
  const message = errorOf(answer);
  skipUnlessGranted(message);
  expectEqual("status", { seen: answer.status, expected: status });
  expect(message !== undefined, `Body is not a JSON string with an error: ${JSON.stringify(answer.body)}`);
  expect(message.includes(error), `Error does not contain "${error}": ${message}`);
}

/**
 * Checks that the clock of the gateway agrees with the local one.
 *
 * @param timestamp time of the gateway
 * @param now local time, in seconds since 1970
 * @throws {Mismatch} if they differ by more than a minute
 */
export function expectClock(timestamp: unknown, now: number): void {
  const isNow = typeof timestamp === "number" && Math.abs(timestamp - now) <= CLOCK_SECONDS;
  expect(isNow, `timestamp is ${JSON.stringify(timestamp)}, local time is ${Math.floor(now)}`);
}

/**
 * Skips the check after a refusal for a missing right of the key.
 *
 * @throws {Skip} if the message is one
 */
export function skipUnlessGranted(message: unknown): void {
  if (typeof message === "string" && message.startsWith(NOT_GRANTED)) throw new Skip(message);
}

/** Returns whether a refusal means that the broker or Jeedom is unreachable, or that the key has no right to it. */
export function isUnavailable(status: number, message: string): boolean {
  return message.startsWith(NOT_GRANTED) || message.startsWith("Broker not allowed") ||
    message.startsWith("MQTT error: ") || status === 502 || status === 504;
}
