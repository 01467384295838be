/**
 * Errors for refusals: of plain HTTP, sealed, and in events before `connected`.
 *
 * @module
 */
import type { ErrorCode } from "../protocol/error_code.ts";
import type { FinalEvent } from "../protocol/event.ts";
import { readBytes } from "../lib/read_bytes.ts";
import type { Answer } from "./answer.ts";
import {
  AlreadyPairedError,
  ExpiredError,
  type ExpiredErrorOptions,
  FailedError,
  type GatewayError,
  type GatewayErrorOptions,
  RateLimitError,
  RefusedError,
  ScopeError,
  UnavailableError,
  WrongKeyError,
} from "./gateway_error.ts";
import { PROTOCOL_HEADER } from "../protocol/exchange.ts";
import { isObject, tryParseJson } from "../lib/json.ts";

/**
 * Longest wait that a gateway can ask for, in seconds: longer ones overflow timers, and a faulty gateway must not stop a
 * client for ever.
 */
export const RETRY_MAX_SECONDS = 3600;

/** Largest plain refusal to read, in bytes: the gateway's own are short. */
const PLAIN_MAX_BYTES = 8192;

const EXPIRED = "Request expired";

/** Text of the gateway for an address over its rate limit, and the clearer one of this client. */
const TOO_MANY = "Too many requests";
const TOO_MANY_HERE = "Too many requests or failed attempts from this address";

/** Beginnings of the texts of older gateways, which send no codes, and their codes. */
const OLDER_TEXTS: readonly (readonly [string, ErrorCode])[] = [
  ["This key may not ", "scope"],
  ["Broker not allowed", "broker_not_allowed"],
  ["Too many ", "busy"],
  ["MQTT error: ", "broker"],
  ["Too slow: ", "too_slow"],
  ["Request was used before", "replay"],
];

/**
 * Reads a refusal by plain HTTP, which is not authenticated.
 *
 * @param key name of the key in the message
 */
export async function readPlainRefusal(
  response: Response,
  { key, signal }: { readonly key: string; readonly signal?: AbortSignal | undefined },
): Promise<GatewayError> {
  const { status, headers } = response;
  const reason = await readReason(response, signal) ?? (response.statusText || `HTTP status ${status}`);
  if (status === 401) {
    return new WrongKeyError(
      `${reason}: gateway does not accept ${key}: it may be unknown, removed, disabled, expired, or for version 2 only`,
      { status, knowsVersion2: Number(headers.get(PROTOCOL_HEADER)) >= 2 },
    );
  }
  const retryAfterMs = headerRetryAfter(headers.get("Retry-After") ?? "");
  const details = { status, retryAfterMs };
  if (status === 429) return waiting(RateLimitError, reason === TOO_MANY ? TOO_MANY_HERE : reason, details);
  if (status === 408 || status >= 500) return waiting(UnavailableError, reason, details);
  return new RefusedError(reason, { status });
}

/**
 * Returns the error that an answer of the gateway itself stands for. Where an older gateway does not name the source, its
 * errors are distinguished from the answers of services by their text.
 *
 * @param isFromGateway true if the gateway named itself as the source
 * @returns the error, or undefined if there is none
 */
export function sealedRefusal(
  { status, body, timestamp }: Answer,
  { isFromGateway }: { readonly isFromGateway: boolean },
): GatewayError | undefined {
  if (status === 200) return undefined;
  const { error, code, retry_after: seconds } = typeof body === "string" ? parseErrorBody(body) : {};
  if (typeof error !== "string" && !isFromGateway) return undefined;
  const reason = typeof error === "string" ? error : `Refused with status ${status}`;
  const sentCode = typeof code === "string" ? code : undefined;
  const gatewayCode = isFromGateway ? sentCode : status === 403 ? codeOfText(reason) : undefined;
  return refusalOf(reason, { status, gatewayCode, gatewayTime: timestamp, retryAfterMs: sealedRetryAfter(seconds) });
}

/** Returns the error that an `error` event before `connected` stands for. */
export function eventRefusal({ message, timestamp, code }: FinalEvent): GatewayError {
  return refusalOf(message, { gatewayCode: code ?? codeOfText(message), gatewayTime: timestamp, retryAfterMs: 0 });
}

/** Properties of a refusal besides its reason. */
interface RefusalDetails {
  readonly status?: number;
  readonly gatewayCode: string | undefined;
  readonly gatewayTime: number;
  readonly retryAfterMs: number;
}

/** Makes the error for a code; for an unknown code, such as one of a newer gateway, the error for the status. */
function refusalOf(reason: string, { retryAfterMs, gatewayTime, ...rest }: RefusalDetails): GatewayError {
  const details = { ...rest, isSealed: true };
  const { status = 0, gatewayCode } = details;
  switch (gatewayCode) {
    case "expired":
      return expired({ ...details, gatewayTime });
    case "scope":
    case "broker_not_allowed":
      return new ScopeError(reason, details);
    case "already_paired":
      return new AlreadyPairedError(reason, details);
    case "key_revoked":
      return new WrongKeyError(reason, details);
    case "key_rate":
    case "busy":
      return waiting(RateLimitError, reason, { ...details, retryAfterMs });
    case "restart":
      return waiting(UnavailableError, reason, { ...details, retryAfterMs });
    case "broker":
    case "service_unreachable":
    case "service_timeout":
    case "service_answer":
    case "internal":
      return new FailedError(reason, details);
  }
  if (status === 429) return waiting(RateLimitError, reason, { ...details, retryAfterMs });
  return status >= 500 ? new FailedError(reason, details) : new RefusedError(reason, details);
}

/** Makes the error of a refusal that a retry may overcome. Its message has the wait, in whole seconds, where it is known. */
function waiting(
  Class: typeof RateLimitError | typeof UnavailableError,
  reason: string,
  details: GatewayErrorOptions & { readonly retryAfterMs: number },
): GatewayError {
  const { retryAfterMs } = details;
  const wait = retryAfterMs === 0 ? "" : `: wait ${Math.ceil(retryAfterMs / 1000)} s`;
  return new Class(reason + wait, details);
}

function codeOfText(text: string): ErrorCode | undefined {
  return text === EXPIRED ? "expired" : OLDER_TEXTS.find(([start]) => text.startsWith(start))?.[1];
}

function expired(options: ExpiredErrorOptions & { readonly gatewayTime: number }): ExpiredError {
  const at = Number.isFinite(options.gatewayTime) ? new Date(options.gatewayTime * 1000) : undefined;
  const time = at === undefined || isNaN(at.getTime()) ? "" : `, gateway's time is ${at.toISOString()}`;
  return new ExpiredError(`${EXPIRED}: this device's clock is wrong${time}`, options);
}

async function readReason(response: Response, signal: AbortSignal | undefined): Promise<string | undefined> {
  try {
    const { error } = parseErrorBody(new TextDecoder().decode(await readBytes(response, PLAIN_MAX_BYTES, { signal })));
    return typeof error === "string" ? error : undefined;
  } catch {
    // The status is used alone.
    return undefined;
  }
}

function parseErrorBody(json: string): Readonly<Record<string, unknown>> {
  const value = tryParseJson(json);
  return isObject(value) ? value : {};
}

/** Returns the wait in a `Retry-After` header, in milliseconds; 0 for a date, which the gateway never sends. */
function headerRetryAfter(seconds: string): number {
  return /^\d+(\.\d+)?$/.test(seconds) ? sealedRetryAfter(Number(seconds)) : 0;
}

/** Returns the wait in a sealed refusal, in milliseconds; 0 for anything but a number of seconds. */
function sealedRetryAfter(seconds: unknown): number {
  return typeof seconds === "number" && seconds >= 0 ? Math.min(seconds, RETRY_MAX_SECONDS) * 1000 : 0;
}
