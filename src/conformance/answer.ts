/**
 * An opened answer, and what may be expected of it.
 *
 * @module
 */
import { isObject } from "../lib/json.ts";
import { expect, expectEqual, Mismatch, Skip } from "./mismatch.ts";

/** A JSON object, whose fields are yet to be looked at. */
export type Fields = Readonly<Record<string, unknown>>;

/** An answer that has the shape of one. */
export interface Answer {
  /** What became of the request, in the way of HTTP. */
  readonly status: number;
  /** The service's answer. */
  readonly body: unknown;
  /** The gateway's clock, in seconds since 1970. */
  readonly timestamp: number;
  /** Who made it: `gateway` for the gateway itself. */
  readonly source: unknown;
}

/** Words by which a gateway tells a key what it does not grant. */
const NOT_GRANTED = "This key may not ";

/** How far apart two clocks may be, in seconds: farther, and no request would be current. */
const CLOCK_SECONDS = 60;

/**
 * Reads a JSON object.
 *
 * @param what whose text it is, for the message
 * @throws {Mismatch} if it is anything else
 */
export function parseFields(text: string, what: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Told below, like every other shape.
  }
  throw new Mismatch(`${what} is no JSON object: ${text}`);
}

/**
 * Reads an answer.
 *
 * @throws {Mismatch} if it does not have the shape of one
 */
export function parseAnswer(text: string): Answer {
  const { status, body, timestamp, source } = parseFields(text, "Answer");
  const isAnswer = typeof status === "number" && body !== undefined && typeof timestamp === "number";
  if (!isAnswer) throw new Mismatch("Answer lacks a numeric status, a body, or a numeric timestamp");
  return { status, body, timestamp, source };
}

/** Tells the message of an answer that is an error of the gateway itself, or undefined for any other answer. */
export function errorOf({ status, body }: Answer): string | undefined {
  const { error } = status === 200 ? {} : parseBody(body);
  return typeof error === "string" ? error : undefined;
}

/** Tells the code of an error of the gateway itself. */
export function codeOf({ body }: Answer): unknown {
  return parseBody(body)["code"];
}

function parseBody(body: unknown): Fields {
  try {
    const value: unknown = typeof body === "string" ? JSON.parse(body) : undefined;
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** A refusal that the protocol asks for. */
export interface Refusal {
  /** Status of the answer. */
  readonly status: number;
  /** A part of its message: all of it where the protocol fixes it, or the name of a field. */
  readonly error: string;
}

/**
 * Insists that an answer is a certain refusal.
 *
 * @throws {Mismatch} if it is another answer
 * @throws {Skip} if the key does not grant what the check would have tried
 */
export function expectRefusal(answer: Answer, { status, error }: Refusal): void {
  const message = errorOf(answer);
  skipUnlessGranted(message);
  expectEqual("status", { seen: answer.status, expected: status });
  expect(message !== undefined, `Body is no JSON string with an error: ${JSON.stringify(answer.body)}`);
  expect(message.includes(error), `Error does not tell "${error}": ${message}`);
}

/**
 * Insists that a gateway's clock agrees with the one here.
 *
 * @param timestamp what the gateway told
 * @param now the time here, in seconds since 1970
 * @throws {Mismatch} if they are farther apart than clocks that agree
 */
export function expectClock(timestamp: unknown, now: number): void {
  const isNow = typeof timestamp === "number" && Math.abs(timestamp - now) <= CLOCK_SECONDS;
  expect(isNow, `timestamp is ${JSON.stringify(timestamp)}, here it is ${Math.floor(now)}`);
}

/**
 * Looks whether a refusal is about the key, and not about what was asked.
 *
 * @throws {Skip} if the key does not grant it
 */
export function skipUnlessGranted(message: unknown): void {
  if (typeof message === "string" && message.startsWith(NOT_GRANTED)) throw new Skip(message);
}

/** Tells whether a message says that the broker, or Jeedom, or a right of the key is missing. */
export function isOutOfReach(status: number, message: string): boolean {
  return message.startsWith(NOT_GRANTED) || message.startsWith("Broker not allowed") ||
    message.startsWith("MQTT error: ") || status === 502 || status === 504;
}
