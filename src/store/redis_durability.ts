/**
 * Detection of lost keys in Valkey or Redis. A server loses keys when it restarts (an append-only file that is synced every
 * second lacks the last one), evicts keys, is emptied, or its clock steps ahead.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import type { Log } from "../observability/log.ts";
import type { RedisClient, RedisConnection } from "./redis_connection.ts";
import type { RequestIdentity } from "./replay_store.ts";
import { CLOCK_TOLERANCE_MS } from "./clock_watch.ts";
import { findServerFault, infoField } from "./redis_info.ts";
import { TimestampRanges } from "./timestamp_ranges.ts";

/** Server to watch, and clocks. */
export interface RedisDurabilityOptions {
  /** Connection to the server. */
  readonly connection: Pick<RedisConnection, "onConnect">;
  /** Key of the marker: the server's run and the start of its memory. */
  readonly key: string;
  /** Time for which requests are stored, in seconds. */
  readonly seconds: number;
  /** Time for which other gateways may still use a server that another one has replaced, in milliseconds; 0 by default. */
  readonly overlapMs?: number | undefined;
  /** Returns the wall clock's time, in milliseconds since 1970. */
  readonly now: () => number;
  /** Returns the time of a clock that is never set, in milliseconds. */
  readonly monotonic: () => number;
  /** Logger for why no request can be accepted, and for possible losses. */
  readonly log: Pick<Log, "info" | "warn" | "error">;
}

/** Durability of a server, as seen by this process. */
export interface RedisDurability {
  /** Client of a server whose configuration keeps all keys; undefined while there is none. */
  trusted(): Promise<RedisClient | undefined>;
  /** Returns whether a request may have run and been lost by the server. */
  isForgotten(identity: RequestIdentity): boolean;
  /** Records a request before its claim, so that it stays refused if the server loses it. */
  note(identity: RequestIdentity): void;
  /** Marker that the server has as long as it lost nothing; undefined before the first check. */
  readonly marker: { readonly key: string; readonly text: string } | undefined;
  /** Start of the server's memory, in seconds since 1970; undefined before the first check. */
  readonly since: number | undefined;
  /** Checks the server at once, after an error. */
  recheck(client: RedisClient): void;
  /** Ends the watch. */
  close(): void;
}

/** Interval of checks of the server, in milliseconds: its configuration can change at any time. */
const CHECK_MS = 1000;

/** Error in the server's configuration, which only its operator can fix. */
class UnsafeServerError extends Error {}

/** Starts to watch each connection. */
export function watchRedisDurability(options: RedisDurabilityOptions): RedisDurability {
  const { connection, key, seconds, overlapMs = 0, now, monotonic, log } = options;
  /** Timestamps of requests by key: those that this process recorded, and those that the server may have lost. */
  const noted = new Map<string, TimestampRanges>();
  const forgotten = new Map<string, TimestampRanges>();
  let trusted: Promise<RedisClient | undefined> = Promise.resolve(undefined);
  /** The last check, and the time of the last result, in milliseconds of the monotonic clock. */
  let checking = trusted;
  let checkedAt = -Infinity;
  let since = Infinity;
  let marker: string | undefined;
  /** Offsets of the server's clock from our two clocks at the last accepted step. */
  let clockOffsets: readonly number[] = [];
  let mayHaveLostKeys = false;
  let lastReported: string | undefined;
  let next: ReturnType<typeof setTimeout> | undefined;

  /** Checks the server now, and repeatedly while this connection lasts. Claims wait for this check. */
  function startChecks(client: RedisClient): void {
    trusted = checkOnce(client);
  }

  /** Checks the server, and again later. Returns its client if it can be trusted; never rejects. */
  function checkOnce(client: RedisClient): Promise<RedisClient | undefined> {
    clearTimeout(next);
    const current = checking = check(client).then(() => {
      if (lastReported !== undefined) log.info("Redis can store requests again");
      lastReported = undefined;
      return client;
    }, (error) => {
      if (client.isReady) reportError(error);
      return undefined;
    });
    current.then(() => {
      if (current !== checking) return;
      trusted = current;
      checkedAt = monotonic();
      // Claims go on meanwhile: a distant server takes long to answer.
      if (client.isReady) next = setTimeout(() => checkOnce(client), CHECK_MS);
    });
    return current;
  }

  function reportError(error: unknown): void {
    const fault = errorText(error);
    if (lastReported === fault) return;
    lastReported = fault;
    if (error instanceof UnsafeServerError) {
      log.error("Redis may forget requests, so none is accepted: {fault}", { fault });
    } else log.warn("Redis does not answer, so no request is accepted: {fault}", { fault });
  }

  async function check(client: RedisClient): Promise<void> {
    const [info, found] = await Promise.all([client.info(), client.get(key)]);
    const runId = readRunId(info);
    const [foundRunId, foundSince] = found?.split(" ") ?? [];
    // A marker in the future would refuse all requests until then: the clock of its writer was ahead.
    const isValid = foundRunId === runId && Number(foundSince) * 1000 <= now() + CLOCK_TOLERANCE_MS + overlapMs;
    if (found !== null && isValid && !mayHaveLostKeys) return adopt(found);
    // On a server without a marker, requests of this second cannot have run; otherwise some may have.
    const isNew = found === null && marker === undefined;
    // What other gateways still store on a server that was replaced by this one must be refused here.
    const written = `${runId} ${Math.floor((now() + (isNew ? 0 : overlapMs)) / 1000) + (isNew ? 0 : 1)}`;
    await client.set(key, written);
    mayHaveLostKeys = false;
    adopt(written);
  }

  /** Accepts a marker. If it changed, whichever gateway wrote it, the server lost the requests that this process recorded. */
  function adopt(text: string): void {
    if (text === marker) return;
    since = Number(text.split(" ")[1]);
    if (marker !== undefined) {
      for (const [kid, timestamps] of noted) forgotten.set(kid, timestamps.copy());
      log.warn("Redis may have lost requests that ran: requests with earlier timestamps are refused");
    }
    marker = text;
  }

  /** Returns the id of the server's run. @throws {UnsafeServerError} if it may lose keys at any time */
  function readRunId(info: string): string {
    const unsafe = findServerFault(info);
    if (unsafe !== undefined) {
      mayHaveLostKeys = true;
      throw new UnsafeServerError(`${unsafe.fault}. ${unsafe.remedy}`);
    }
    const runId = infoField(info, "run_id");
    if (runId === undefined) throw new UnsafeServerError("It does not report its run_id. Use Redis or Valkey");
    // Keys expire early when the server's clock steps ahead. On this machine our wall clock steps with it, so it is compared
    // with the monotonic clock as well. Steps within the margin of the time window are tolerated, and add up.
    const time = Number(infoField(info, "server_time_usec")) / 1000;
    const offsets = [time - now(), time - monotonic()];
    const isFirst = clockOffsets.length === 0;
    const hasStepped = clockOffsets.some((before, index) => Math.abs((offsets[index] ?? NaN) - before) > seconds * 250);
    if (isFirst || hasStepped) clockOffsets = offsets;
    mayHaveLostKeys ||= hasStepped;
    return runId;
  }

  const stopListening = connection.onConnect(startChecks);

  return {
    // After a pause of this process, what it knows is old.
    trusted: () => monotonic() - checkedAt > 2 * CHECK_MS ? checking : trusted,
    get marker() {
      return marker === undefined ? undefined : { key, text: marker };
    },
    get since() {
      return marker === undefined ? undefined : since;
    },
    recheck: startChecks,
    isForgotten: ({ kid, timestamp }) =>
      Math.floor(timestamp) < since || forgotten.get(kid)?.includes(timestamp) === true,
    note({ kid, timestamp }) {
      const timestamps = noted.get(kid) ?? new TimestampRanges();
      timestamps.add(timestamp);
      noted.set(kid, timestamps);
    },
    close() {
      stopListening();
      clearTimeout(next);
      trusted = checking = Promise.resolve(undefined);
    },
  };
}
