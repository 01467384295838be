/**
 * One subscription out of many streams: when one ends or breaks off, the next resumes where it ended.
 *
 * @module
 */
import { Backoff } from "../lib/backoff.ts";
import type { ErrorCode } from "../protocol/error_code.ts";
import type { Position, StreamEvent } from "../protocol/event.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { ExpiredError, FailedError, GatewayError } from "./gateway_error.ts";
import { isFinal } from "./open_stream.ts";
import { RETRY_MAX_SECONDS } from "./refusal.ts";

/** Duration of a stream, in milliseconds, after which the backoff is reset. */
const STEADY_MS = 30_000;

/**
 * Codes that are temporary once a stream was connected: `fetch` may send a request a second time when a connection
 * breaks, and a key whose rights changed works again; a key that was removed gets a 401 the next time.
 */
const TEMPORARY_CODES: readonly unknown[] = ["too_slow", "replay", "key_revoked"] satisfies ErrorCode[];

/** Options for resuming. */
export interface ResumeOptions {
  /** Position after which the first stream begins; now by default. */
  readonly since?: Position | undefined;
  /** Clock for waits and timestamps. */
  readonly clock: Clock;
  /** Returns a number from 0 up to but not including 1. */
  readonly random: () => number;
  /** Ends the subscription at once, also during a wait. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Yields the events of one stream after the other until the caller ends it. Until the first is connected, any failure
 * ends it. After that a broken connection is reported as a `disconnected` event, and temporary failures are retried
 * without notice.
 *
 * @param open opens a stream that resumes after a position
 * @throws {GatewayError} the first permanent failure
 */
export async function* resume(
  open: (since: Position | undefined) => AsyncIterable<StreamEvent>,
  { since, clock, random, signal }: ResumeOptions,
): AsyncGenerator<StreamEvent, void> {
  const backoff = new Backoff(random);
  let position = since;
  let wasConnected = false;
  for (;;) {
    let connectedAt: number | undefined;
    let retryAfterMs = 0;
    try {
      for await (const event of open(position)) {
        if (event.type === "connected") connectedAt = clock.monotonic();
        if (event.type === "message") backoff.reset();
        if (event.type === "end") retryAfterMs = retryMs(event.retry);
        // The end of the last stream was reported already.
        if (connectedAt === undefined && wasConnected && isFinal(event)) break;
        wasConnected ||= connectedAt !== undefined;
        position = positionOf(event) ?? position;
        yield event;
        if (connectedAt === undefined && isFinal(event)) return;
      }
    } catch (error) {
      if (!wasConnected || !(error instanceof GatewayError) || !isTemporary(error)) throw error;
      retryAfterMs = error.retryAfterMs ?? 0;
      if (connectedAt !== undefined) {
        yield { type: "disconnected", message: error.message, timestamp: Math.floor(clock.now() / 1000) };
      }
    }
    if (connectedAt !== undefined && clock.monotonic() - connectedAt >= STEADY_MS) backoff.reset();
    await sleep(Math.max(backoff.next(), retryAfterMs), { clock, signal });
  }
}

/** Returns whether a stream that could not begin may begin later, as there was one before. */
function isTemporary(error: GatewayError): boolean {
  if (error.retryAfterMs !== undefined || error instanceof FailedError) return true;
  // The clock is right: a gateway that has just started refuses requests that may have been sent before.
  return error instanceof ExpiredError || TEMPORARY_CODES.includes(error.gatewayCode);
}

/** Returns the wait that a stopping gateway asks for, in milliseconds; 0 for any other value. */
function retryMs(seconds: unknown): number {
  return typeof seconds === "number" && seconds >= 0 && seconds <= RETRY_MAX_SECONDS ? seconds * 1000 : 0;
}

/** Returns the position to resume after; undefined for an older gateway, which sends none. */
function positionOf(event: StreamEvent): Position | undefined {
  const { epoch, offset }: Partial<Position> = ("resume" in event ? event.resume : "epoch" in event ? event : {}) ?? {};
  return epoch === undefined || offset === undefined ? undefined : { epoch, offset };
}
