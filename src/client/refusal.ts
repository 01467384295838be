/**
 * Which error a refusal is: plain ones of HTTP, sealed ones, and events that say why a stream did not begin.
 *
 * @module
 */
import type { FinalEvent } from "../protocol/event.ts";
import { readBytes } from "../protocol/read_bytes.ts";
import type { Answer } from "./answer.ts";
import {
  ExpiredError,
  FailedError,
  type GatewayError,
  RateLimitError,
  RefusedError,
  ScopeError,
  UnavailableError,
  WrongKeyError,
} from "./gateway_error.ts";
import { isObject } from "../protocol/is_object.ts";

/**
 * Longest wait that is taken from the other side, in seconds: longer ones overflow timers, and no gateway gone wrong keeps
 * a client away for good.
 */
export const RETRY_MAX_SECONDS = 3600;

/** Most to read of a refusal that nobody sealed, in bytes: the gateway's own are short. */
const PLAIN_MAX_BYTES = 8192;

/** Beginnings of what a gateway says to a key that may not do what it asks for. */
const SCOPE = ["This key may not ", "Broker not allowed"];

const EXPIRED = "Request expired";

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
      {
        status,
      },
    );
  }
  const retryAfterMs = retryAfter(headers.get("Retry-After") ?? "");
  if (status === 429) return new RateLimitError(reason, { status, retryAfterMs });
  if (status === 408 || status >= 500) return new UnavailableError(reason, { status, retryAfterMs });
  return new RefusedError(reason, { status });
}

/**
 * Tells the gateway's own sealed error from the answer of a service behind it.
 *
 * @returns the error, or undefined if a service answered
 */
export function sealedRefusal({ status, body, timestamp }: Answer): GatewayError | undefined {
  if (status === 200 || typeof body !== "string") return undefined;
  const { error: reason, retry_after: seconds } = parseFields(body);
  if (typeof reason !== "string") return undefined;
  if (status === 429) return new RateLimitError(reason, { status, retryAfterMs: retryAfter(String(seconds)) });
  if (status >= 500) return new FailedError(reason, { status });
  if (status === 403 && reason === EXPIRED) return expired({ status, gatewayTime: timestamp });
  if (status === 403 && isScope(reason)) return new ScopeError(reason, { status });
  return new RefusedError(reason, { status });
}

/** Tells what an `error` event means that came instead of `connected`. */
export function eventRefusal({ message, timestamp }: FinalEvent): GatewayError {
  if (message === EXPIRED) return expired({ gatewayTime: timestamp });
  if (isScope(message)) return new ScopeError(message);
  if (message.startsWith("Too many ")) return new RateLimitError(message);
  if (message.startsWith("MQTT error: ")) return new FailedError(message);
  return new RefusedError(message);
}

function expired(options: { readonly status?: number; readonly gatewayTime: number }): ExpiredError {
  const at = Number.isFinite(options.gatewayTime) ? new Date(options.gatewayTime * 1000) : undefined;
  const time = at === undefined || isNaN(at.getTime()) ? "" : `, gateway's time is ${at.toISOString()}`;
  return new ExpiredError(`${EXPIRED}: this device's clock is wrong${time}`, options);
}

function isScope(reason: string): boolean {
  return SCOPE.some((start) => reason.startsWith(start));
}

async function readReason(response: Response, signal: AbortSignal | undefined): Promise<string | undefined> {
  try {
    const { error } = parseFields(new TextDecoder().decode(await readBytes(response, PLAIN_MAX_BYTES, signal)));
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

/** The wait that the other side asks for, in milliseconds. A date, which the gateway never sends, counts as none. */
function retryAfter(seconds: string): number {
  return /^\d+(\.\d+)?$/.test(seconds) ? Math.min(Number(seconds), RETRY_MAX_SECONDS) * 1000 : 0;
}
