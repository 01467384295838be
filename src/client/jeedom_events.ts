/**
 * The events of Jeedom, by one long poll after the other.
 *
 * @module
 */
import { Backoff } from "../lib/backoff.ts";
import type { Answer } from "./answer.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { FailedError, GatewayError, JeedomError } from "./gateway_error.ts";
import { isObject } from "../lib/json.ts";

/** Something that happened in Jeedom. */
export interface JeedomEvent {
  /** When, in seconds since 1970 by Jeedom's clock. */
  readonly datetime: number;
  /** What kind of event, such as `cmd::update`. */
  readonly name: string;
  /** What it is about; its form depends on the kind. */
  readonly option: unknown;
}

/** How to follow Jeedom. */
export interface FollowOptions {
  /** Begins after this time of Jeedom's, in seconds; now by default. */
  readonly since?: number | undefined;
  /** How long Jeedom may wait for something to happen, in seconds. */
  readonly longPolling: number;
  /** Name of a filter that Jeedom knows. */
  readonly filter?: string | undefined;
  /** The time, and waiting. */
  readonly clock: Clock;
  /** Draws from 0 up to but not including 1. */
  readonly random: () => number;
  /** Ends the listening at once. */
  readonly signal?: AbortSignal | undefined;
}

/** Calls a method of Jeedom; `patience` is how long the answer may take on purpose, in seconds. */
export type CallJeedom = (method: string, params: Record<string, unknown>, patience: number) => Promise<Answer>;

/** A poll that was over so soon, in milliseconds, did not wait; neither does the next. */
const QUICK_MS = 1000;

/** After so much time of nothing but failures the caller is told, in milliseconds: a restart of Jeedom takes less. */
const FAILING_MAX_MS = 5 * 60_000;

/** The code of what goes wrong inside of Jeedom, such as a database that is started anew. */
const INTERNAL_RPC_ERROR = -32_000;

/**
 * Follows Jeedom until the caller ends it. Failures that may pass are waited out; after them it goes on where it was.
 *
 * @throws {JeedomError} if Jeedom refuses
 * @throws {GatewayError} the first failure that will not pass, or the last one of five minutes of nothing else
 */
export async function* followJeedom(
  call: CallJeedom,
  { since, longPolling, filter, clock, random, signal }: FollowOptions,
): AsyncGenerator<JeedomEvent, void> {
  const backoff = new Backoff(random);
  let overlap = since === undefined ? undefined : new Overlap(since);
  let failingSince: number | undefined;
  for (;;) {
    let waitMs = 0;
    let news: readonly JeedomEvent[] = [];
    try {
      if (overlap === undefined) {
        overlap = new Overlap(parseTime(await callMethod(call, "datetime", { params: {}, patience: 0 })));
      } else {
        const startedAt = clock.monotonic();
        const params = { datetime: overlap.from, longPolling, ...(filter === undefined ? {} : { filter }) };
        const changes = parseChanges(await callMethod(call, "event::changes", { params, patience: longPolling }));
        news = overlap.advance(changes);
        // What the overlap brings again ends a poll at once.
        if (news.length === 0 && clock.monotonic() - startedAt < QUICK_MS) waitMs = QUICK_MS;
      }
      backoff.reset();
      failingSince = undefined;
    } catch (error) {
      const passes = error instanceof FailedError || error instanceof GatewayError && error.retryAfterMs !== undefined;
      failingSince ??= clock.monotonic();
      if (!passes || clock.monotonic() - failingSince >= FAILING_MAX_MS) throw error;
      waitMs = Math.max(backoff.next(), error.retryAfterMs ?? 0);
    }
    yield* news;
    if (waitMs > 0) await sleep(waitMs, { clock, signal });
  }
}

async function callMethod(
  call: CallJeedom,
  method: string,
  { params, patience }: { readonly params: Record<string, unknown>; readonly patience: number },
): Promise<unknown> {
  const { status, body } = await call(method, params, patience);
  const { error, result } = isObject(body) ? body : {};
  if (isObject(error)) {
    const reason = `${error["message"]} (${error["code"]})`;
    if (error["code"] === INTERNAL_RPC_ERROR) throw new FailedError(`Jeedom failed: ${reason}`, { status });
    throw new JeedomError(`Jeedom refuses ${method}: ${reason}`, { status });
  }
  if (status >= 500) throw new FailedError(`Jeedom failed: HTTP status ${status}`, { status });
  if (status !== 200) throw new JeedomError(`Jeedom does not answer ${method}: HTTP status ${status}`, { status });
  // A page of its web server's, nothing at all, or half an answer.
  if (result === undefined) throw new FailedError(`Jeedom does not answer ${method} in JSON-RPC`, { status });
  return result;
}

function parseTime(result: unknown): number {
  const time = Number(result);
  if (typeof result === "object" || !Number.isFinite(time)) throw new JeedomError("Jeedom does not tell its time");
  return time;
}

function parseChanges(result: unknown): { readonly datetime: number; readonly events: readonly JeedomEvent[] } {
  if (!isObject(result) || !Array.isArray(result["result"])) throw new JeedomError("Jeedom does not tell its events");
  return { datetime: parseTime(result["datetime"]), events: result["result"].flatMap(parseEvent) };
}

/** An event, or none: something that is no event should not hide the others. */
function parseEvent(value: unknown): JeedomEvent[] {
  if (!isObject(value) || typeof value["name"] !== "string") return [];
  const datetime = Number(value["datetime"]);
  return Number.isFinite(datetime) ? [{ datetime, name: value["name"], option: value["option"] }] : [];
}

/** How far each poll goes back, in seconds: Jeedom writes some events a little after their time. */
const OVERLAP_SECONDS = 2;

/** Where the polls are, and what they brought lately. */
export class Overlap {
  readonly #begin: number;
  #from: number;
  /** What was handed over and may come again: when it happened, by what it is. */
  #seen: ReadonlyMap<string, number> = new Map();

  /** Begins after a time of Jeedom's, in seconds. */
  constructor(begin: number) {
    this.#begin = begin;
    this.#from = begin;
  }

  /** After which time to ask, in seconds. */
  get from(): number {
    return this.#from;
  }

  /**
   * Takes what a poll brought, and moves on.
   *
   * @param datetime where Jeedom says to go on, in seconds
   * @returns what is new, in its order
   */
  advance(
    { datetime, events }: { readonly datetime: number; readonly events: readonly JeedomEvent[] },
  ): readonly JeedomEvent[] {
    const seen = new Map(this.#seen);
    const news = events.filter(({ datetime: at, name, option }) => {
      const what = identity({ datetime: at, name, option });
      // Jeedom may bring the event at the beginning itself again.
      if (at <= this.#begin || seen.has(what)) return false;
      seen.set(what, at);
      return true;
    });
    // Jeedom tells the time of its last event, and that may be long ago: never further back.
    this.#from = Math.max(this.#from, datetime - OVERLAP_SECONDS);
    this.#seen = new Map([...seen].filter(([, at]) => at >= this.#from));
    return news;
  }
}

/** What tells an event from all others. */
function identity({ datetime, name, option }: JeedomEvent): string {
  try {
    return JSON.stringify([datetime, name, option]);
  } catch {
    // Nested so deeply that it cannot be written: its time and its name must do.
    return JSON.stringify([datetime, name]);
  }
}
