/**
 * Which error a refusal is: plain ones of HTTP, sealed ones, and events that say why a stream did not begin.
 *
 * @module
 */
import type { ErrorCode } from "../protocol/error_code.ts";
import type { FinalEvent } from "../protocol/event.ts";
import { readBytes } from "../lib/read_bytes.ts";
import type { Answer } from "./answer.ts";
import {
  ExpiredError,
  type ExpiredErrorOptions,
  FailedError,
  type GatewayError,
  RateLimitError,
  RefusedError,
  ScopeError,
  UnavailableError,
  WrongKeyError,
} from "./gateway_error.ts";
import { PROTOCOL_HEADER } from "../protocol/exchange.ts";
import { isObject } from "../lib/json.ts";

/**
 * Longest wait that is taken from the other side, in seconds: longer ones overflow timers, and no gateway gone wrong keeps
 * a client away for good.
 */
export const RETRY_MAX_SECONDS = 3600;

/** Most to read of a refusal that nobody sealed, in bytes: the gateway's own are short. */
const PLAIN_MAX_BYTES = 8192;

const EXPIRED = "Request expired";

/** The gateway's text for an address that has to wait, and what it is about: the answer does not tell which of both. */
const TOO_MANY = "Too many requests";
const TOO_MANY_HERE = "Too many requests or failed attempts from this address";

/** What the texts of gateways begin with that tell no codes, and what they mean. */
const OLD_TEXTS: readonly (readonly [string, ErrorCode])[] = [
  ["This key may not ", "scope"],
  ["Broker not allowed", "broker_not_allowed"],
  ["Too many ", "busy"],
  ["MQTT error: ", "broker"],
  ["Too slow: ", "too_slow"],
  ["Request was used before", "replay"],
];

/**
 * Reads a refusal by plain HTTP. Nobody proved it to be the gateway's.
 *
 * @param key what to call the key
 */
export async function readPlainRefusal(
  response: Response,
  { key, signal }: { readonly key: string; readonly signal?: AbortSignal | undefined },
): Promise<GatewayError> {
  const { status, headers } = response;
  const reason = await readReason(response, signal) ?? (response.statusText || `HTTP status ${status}`);
  if (status === 401) {
    return new WrongKeyError(
      `${reason}: gateway does not take ${key}, or it was removed, disabled, is over, or is for version 2 alone`,
      { status, knowsVersion2: Number(headers.get(PROTOCOL_HEADER)) >= 2 },
    );
  }
  const retryAfterMs = retryAfter(headers.get("Retry-After") ?? "");
  const limit = { status, retryAfterMs };
  if (status === 429) return new RateLimitError(withWait(reason === TOO_MANY ? TOO_MANY_HERE : reason, limit), limit);
  if (status === 408 || status >= 500) return new UnavailableError(withWait(reason, limit), limit);
  return new RefusedError(reason, { status });
}

/**
 * Tells the gateway's own sealed error from a success, and where the gateway does not tell who made an answer, from the
 * answer of a service behind it.
 *
 * @param isTold whether the gateway told that it made the answer itself
 * @returns the error, or undefined if there is none
 */
export function sealedRefusal(
  { status, body, timestamp }: Answer,
  { isTold }: { readonly isTold: boolean },
): GatewayError | undefined {
  if (status === 200) return undefined;
  const { error, code, retry_after: seconds } = typeof body === "string" ? parseFields(body) : {};
  if (typeof error !== "string" && !isTold) return undefined;
  const reason = typeof error === "string" ? error : `Refused with status ${status}`;
  const told = typeof code === "string" ? code : undefined;
  const gatewayCode = isTold ? told : status === 403 ? codeOfText(reason) : undefined;
  return refusalOf(reason, { status, gatewayCode, gatewayTime: timestamp, retryAfterMs: sealedRetryAfter(seconds) });
}

/** Tells what an `error` event means that came instead of `connected`. */
export function eventRefusal({ message, timestamp, code }: FinalEvent): GatewayError {
  return refusalOf(message, { gatewayCode: code ?? codeOfText(message), gatewayTime: timestamp, retryAfterMs: 0 });
}

/** What is known of a refusal besides its reason. */
interface RefusalFacts {
  readonly status?: number;
  readonly gatewayCode: string | undefined;
  readonly gatewayTime: number;
  readonly retryAfterMs: number;
}

/** Makes the error for a code; for any other one, also one of a newer gateway, the error for the status. */
function refusalOf(reason: string, { retryAfterMs, gatewayTime, ...facts }: RefusalFacts): GatewayError {
  const { status = 0, gatewayCode } = facts;
  switch (gatewayCode) {
    case "expired":
      return expired({ ...facts, gatewayTime });
    case "scope":
    case "broker_not_allowed":
      return new ScopeError(reason, facts);
    case "key_revoked":
      return new WrongKeyError(reason, facts);
    case "key_rate":
    case "busy":
      return new RateLimitError(withWait(reason, { retryAfterMs }), { ...facts, retryAfterMs });
    case "restart":
      return new UnavailableError(withWait(reason, { retryAfterMs }), { ...facts, retryAfterMs });
    case "broker":
    case "service_unreachable":
    case "service_timeout":
    case "service_answer":
    case "internal":
      return new FailedError(reason, facts);
  }
  if (status === 429) return new RateLimitError(withWait(reason, { retryAfterMs }), { ...facts, retryAfterMs });
  return status >= 500 ? new FailedError(reason, facts) : new RefusedError(reason, facts);
}

/** Adds how long to wait, in whole seconds, where that is known. */
function withWait(reason: string, { retryAfterMs }: { readonly retryAfterMs: number }): string {
  return retryAfterMs === 0 ? reason : `${reason}: wait ${Math.ceil(retryAfterMs / 1000)} s`;
}

function codeOfText(text: string): ErrorCode | undefined {
  return text === EXPIRED ? "expired" : OLD_TEXTS.find(([start]) => text.startsWith(start))?.[1];
}

function expired(options: ExpiredErrorOptions & { readonly gatewayTime: number }): ExpiredError {
  const at = Number.isFinite(options.gatewayTime) ? new Date(options.gatewayTime * 1000) : undefined;
  const time = at === undefined || isNaN(at.getTime()) ? "" : `, gateway's time is ${at.toISOString()}`;
  return new ExpiredError(`${EXPIRED}: this device's clock is wrong${time}`, options);
}

async function readReason(response: Response, signal: AbortSignal | undefined): Promise<string | undefined> {
  try {
    const { error } = parseFields(new TextDecoder().decode(await readBytes(response, PLAIN_MAX_BYTES, { signal })));
    return typeof error === "string" ? error : undefined;
  } catch {
    // The status alone must do.
    return undefined;
  }
}

function parseFields(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** The wait that a header asks for, in milliseconds. A date, which the gateway never sends, counts as none. */
function retryAfter(seconds: string): number {
  return /^\d+(\.\d+)?$/.test(seconds) ? sealedRetryAfter(Number(seconds)) : 0;
}

/** The wait that a sealed refusal asks for, in milliseconds; none for anything that is no number of seconds. */
function sealedRetryAfter(seconds: unknown): number {
  return typeof seconds === "number" && seconds >= 0 ? Math.min(seconds, RETRY_MAX_SECONDS) * 1000 : 0;
}
