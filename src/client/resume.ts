/**
 * Makes one subscription out of many streams: when one ends or breaks off, the next goes on where it ended.
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

/** A stream that lasted so long was a good one, in milliseconds: the wait after it is short again. */
const STEADY_MS = 30_000;

/**
 * What passes by itself, once a stream was connected: `fetch` may send a request a second time when a connection breaks,
 * and a key that was changed works again; one that was taken away gets a 401 the next time.
 */
const PASSING_CODES: readonly unknown[] = ["too_slow", "replay", "key_revoked"] satisfies ErrorCode[];

/** How to go on. */
export interface ResumeOptions {
  /** Where the first stream begins, if not now. */
  readonly since?: Position | undefined;
  /** The time, and waiting. */
  readonly clock: Clock;
  /** Draws from 0 up to but not including 1. */
  readonly random: () => number;
  /** Ends the subscription at once, also while it waits. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Follows streams until the caller ends it. Until the first is connected, any failure is the end. After that a line
 * that broke off is told as a `disconnected` event, and tries that may succeed later are repeated in silence.
 *
 * @param open opens a stream that goes on after a position
 * @throws {GatewayError} the first failure that will not pass
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
        // The caller knows already that it is disconnected.
        if (connectedAt === undefined && wasConnected && isFinal(event)) break;
        wasConnected ||= connectedAt !== undefined;
        position = positionOf(event) ?? position;
        yield event;
        if (connectedAt === undefined && isFinal(event)) return;
      }
    } catch (error) {
      if (!wasConnected || !(error instanceof GatewayError) || !isPassing(error)) throw error;
      retryAfterMs = error.retryAfterMs ?? 0;
      if (connectedAt !== undefined) {
        yield { type: "disconnected", message: error.message, timestamp: Math.floor(clock.now() / 1000) };
      }
    }
    if (connectedAt !== undefined && clock.monotonic() - connectedAt >= STEADY_MS) backoff.reset();
    await sleep(Math.max(backoff.next(), retryAfterMs), { clock, signal });
  }
}

/** Tells whether a stream that could not begin just now may begin later, as there was one before. */
function isPassing(error: GatewayError): boolean {
  if (error.retryAfterMs !== undefined || error instanceof FailedError) return true;
  // The clock is right: a gateway that has just started refuses what may have been sent before.
  return error instanceof ExpiredError || PASSING_CODES.includes(error.gatewayCode);
}

/** The wait that a gateway asks for as it stops, in milliseconds; 0 for anything that is none. */
function retryMs(seconds: unknown): number {
  return typeof seconds === "number" && seconds >= 0 && seconds <= RETRY_MAX_SECONDS ? seconds * 1000 : 0;
}

/** Where to go on after an event. An older gateway tells no position, and its streams begin anew. */
function positionOf(event: StreamEvent): Position | undefined {
  const place: Partial<Position> | undefined = "resume" in event ? event.resume : "epoch" in event ? event : undefined;
  const { epoch, offset } = place ?? {};
  return epoch === undefined || offset === undefined ? undefined : { epoch, offset };
}
