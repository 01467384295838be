/**
 * Events of Jeedom, by one long poll after the other.
 *
 * @module
 */
import { Backoff } from "../lib/backoff.ts";
import type { Answer } from "./answer.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { FailedError, GatewayError, JeedomError } from "./gateway_error.ts";
import { isObject } from "../lib/json.ts";

/** Event of Jeedom. */
export interface JeedomEvent {
  /** Time of the event, in seconds since 1970 by Jeedom's clock. */
  readonly datetime: number;
  /** Kind of event, such as `cmd::update`. */
  readonly name: string;
  /** Content of the event; its form depends on the kind. */
  readonly option: unknown;
}

/** Options for following Jeedom. */
export interface FollowOptions {
  /** Begins after this time of Jeedom's clock, in seconds; now by default. */
  readonly since?: number | undefined;
  /** Longest wait of Jeedom for an event, in seconds. */
  readonly longPolling: number;
  /** Name of a filter in Jeedom. */
  readonly filter?: string | undefined;
  /** Clock for waits. */
  readonly clock: Clock;
  /** Returns a number from 0 up to but not including 1. */
  readonly random: () => number;
  /** Ends the events at once. */
  readonly signal?: AbortSignal | undefined;
}

/** Calls a method of Jeedom; `waitSeconds` is how long Jeedom may hold the answer back on purpose. */
export type CallJeedom = (method: string, params: Record<string, unknown>, waitSeconds: number) => Promise<Answer>;

/** Duration of a poll for which Jeedom did not wait, in milliseconds; the next one waits as long. */
const QUICK_MS = 1000;

/** Longest time of nothing but failures, in milliseconds: a restart of Jeedom takes less. */
const FAILING_MAX_MS = 5 * 60_000;

/** JSON-RPC code of a failure inside of Jeedom, such as a database that restarts. */
const INTERNAL_RPC_ERROR = -32_000;

/**
 * Yields the events of Jeedom until the caller ends it. Temporary failures are retried, and the events of that time
 * still come.
 *
 * @throws {JeedomError} if Jeedom refuses
 * @throws {GatewayError} the first permanent failure, or the last one of five minutes of nothing but temporary ones
 */
export async function* followJeedom(
  call: CallJeedom,
  { since, longPolling, filter, clock, random, signal }: FollowOptions,
): AsyncGenerator<JeedomEvent, void> {
  const backoff = new Backoff(random);
  let polls = since === undefined ? undefined : new OverlappingPolls(since);
  let failingSince: number | undefined;
  for (;;) {
    let waitMs = 0;
    let newEvents: readonly JeedomEvent[] = [];
    try {
      if (polls === undefined) {
        polls = new OverlappingPolls(parseTime(await callMethod(call, "datetime", { params: {}, waitSeconds: 0 })));
      } else {
        const startedAt = clock.monotonic();
        const params = { datetime: polls.from, longPolling, ...(filter === undefined ? {} : { filter }) };
        const changes = parseChanges(await callMethod(call, "event::changes", { params, waitSeconds: longPolling }));
        newEvents = polls.advance(changes);
        // Events within the overlap end a poll at once.
        if (newEvents.length === 0 && clock.monotonic() - startedAt < QUICK_MS) waitMs = QUICK_MS;
      }
      backoff.reset();
      failingSince = undefined;
    } catch (error) {
      const isTemporary = error instanceof FailedError ||
        error instanceof GatewayError && error.retryAfterMs !== undefined;
      failingSince ??= clock.monotonic();
      if (!isTemporary || clock.monotonic() - failingSince >= FAILING_MAX_MS) throw error;
      waitMs = Math.max(backoff.next(), error.retryAfterMs ?? 0);
    }
    yield* newEvents;
    if (waitMs > 0) await sleep(waitMs, { clock, signal });
  }
}

async function callMethod(
  call: CallJeedom,
  method: string,
  { params, waitSeconds }: { readonly params: Record<string, unknown>; readonly waitSeconds: number },
): Promise<unknown> {
  const { status, body } = await call(method, params, waitSeconds);
  const { error, result } = isObject(body) ? body : {};
  if (isObject(error)) {
    const reason = `${error["message"]} (${error["code"]})`;
    if (error["code"] === INTERNAL_RPC_ERROR) throw new FailedError(`Jeedom failed: ${reason}`, { status });
    throw new JeedomError(`Jeedom refuses ${method}: ${reason}`, { status });
  }
  if (status >= 500) throw new FailedError(`Jeedom failed: HTTP status ${status}`, { status });
  if (status !== 200) throw new JeedomError(`Jeedom does not answer ${method}: HTTP status ${status}`, { status });
  // A page of its web server, an empty body, or half an answer.
  if (result === undefined) throw new FailedError(`Jeedom does not answer ${method} in JSON-RPC`, { status });
  return result;
}

function parseTime(result: unknown): number {
  const time = Number(result);
  if (typeof result === "object" || !Number.isFinite(time)) throw new JeedomError("Jeedom's answer has no time");
  return time;
}

function parseChanges(result: unknown): { readonly datetime: number; readonly events: readonly JeedomEvent[] } {
  if (!isObject(result) || !Array.isArray(result["result"])) throw new JeedomError("Jeedom's answer has no events");
  return { datetime: parseTime(result["datetime"]), events: result["result"].flatMap(parseEvent) };
}

/** Returns a list of one event; an empty one for a malformed event, so that it does not hide the others. */
function parseEvent(value: unknown): JeedomEvent[] {
  if (!isObject(value) || typeof value["name"] !== "string") return [];
  const datetime = Number(value["datetime"]);
  return Number.isFinite(datetime) ? [{ datetime, name: value["name"], option: value["option"] }] : [];
}

/** Overlap of two polls, in seconds: Jeedom writes some events a little after their time. */
const OVERLAP_SECONDS = 2;

/** Range of polls that overlap, so that no event is lost between two of them, without the events that come twice. */
export class OverlappingPolls {
  readonly #begin: number;
  #from: number;
  /** Times of events that were returned and may come again, by identity. */
  #seen: ReadonlyMap<string, number> = new Map();

  /** Begins after a time of Jeedom's clock, in seconds. */
  constructor(begin: number) {
    this.#begin = begin;
    this.#from = begin;
  }

  /** Begin of the next poll, in seconds. */
  get from(): number {
    return this.#from;
  }

  /**
   * Moves on by the result of a poll.
   *
   * @param datetime time of Jeedom's last event, in seconds
   * @returns the events that were not returned before, in their order
   */
  advance(
    { datetime, events }: { readonly datetime: number; readonly events: readonly JeedomEvent[] },
  ): readonly JeedomEvent[] {
    const seen = new Map(this.#seen);
    const newEvents = events.filter(({ datetime: at, name, option }) => {
      const id = identity({ datetime: at, name, option });
      // Jeedom may bring the event at the beginning itself again.
      if (at <= this.#begin || seen.has(id)) return false;
      seen.set(id, at);
      return true;
    });
    // The last event may be long ago: the polls never go back.
    this.#from = Math.max(this.#from, datetime - OVERLAP_SECONDS);
    this.#seen = new Map([...seen].filter(([, at]) => at >= this.#from));
    return newEvents;
  }
}

/** Returns a text that differs for different events. */
function identity({ datetime, name, option }: JeedomEvent): string {
  try {
    return JSON.stringify([datetime, name, option]);
  } catch {
    // Nested too deeply to be written: time and name are used alone.
    return JSON.stringify([datetime, name]);
  }
}
