/**
 * Whether Valkey or Redis still remembers all that it was told. It forgets when it starts anew (a log that is synced
 * every second lacks the last one), when it evicts keys, when somebody empties it, and when its clock steps ahead.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import type { Log } from "../observability/log.ts";
import type { RedisClient } from "./redis_client.ts";
import type { RedisConnection } from "./redis_connection.ts";
import type { RequestIdentity } from "./replay_store.ts";
import { CLOCK_TOLERANCE_MS } from "./clock_watch.ts";
import { TimestampRanges } from "./timestamp_ranges.ts";

/** Whose memory to watch, and how. */
export interface RedisDurabilityOptions {
  /** The server. */
  readonly connection: Pick<RedisConnection, "onConnect">;
  /** The key that tells since when the server remembers. */
  readonly key: string;
  /** How long requests are remembered, in seconds. */
  readonly seconds: number;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
  /** Is told why no request can be accepted, and when some may have been forgotten. */
  readonly log: Pick<Log, "info" | "warn" | "error">;
}

/** The memory of a server, as far as this process knows it. */
export interface RedisDurability {
  /** The connection to a server that was found fit to remember; undefined while there is none. */
  trusted(): Promise<RedisClient | undefined>;
  /** Whether a request may have run at a time that the server does not remember. */
  isForgotten(identity: RequestIdentity): boolean;
  /** Takes note of a request before it is claimed, so that it stays refused if the server forgets it. */
  note(identity: RequestIdentity): void;
  /** What the server says as long as it has forgotten nothing; undefined before it was found fit. */
  readonly marker: { readonly key: string; readonly text: string } | undefined;
  /** Seconds since 1970 since which the server remembers; undefined before it was found fit. */
  readonly since: number | undefined;
  /** Looks at the server at once, as something is wrong with it. */
  recheck(client: RedisClient): void;
  /** Ends the watch. */
  close(): void;
}

/** How often the server is looked at again, in milliseconds: somebody may mend it, or break it. */
const CHECK_MS = 1000;

/** Something is wrong with the server that only its owner can change. */
class UnfitError extends Error {}

/** Begins to watch each connection. */
export function watchRedisDurability(options: RedisDurabilityOptions): RedisDurability {
  const { connection, key, seconds, now, monotonic, log } = options;
  /** The timestamps of each key's requests: those that this process has noted, and those that may be forgotten. */
  const noted = new Map<string, TimestampRanges>();
  const forgotten = new Map<string, TimestampRanges>();
  let trusted: Promise<RedisClient | undefined> = Promise.resolve(undefined);
  let since = Infinity;
  let marker: string | undefined;
  /** How far the server's clock was from each of ours when that last counted. */
  let clockOffsets: readonly number[] = [];
  let suspicious = false;
  let told: string | undefined;
  let next: ReturnType<typeof setTimeout> | undefined;

  /** Looks at the server now, and again and again while this connection lasts. Claims wait for it. */
  function look(client: RedisClient): void {
    clearTimeout(next);
    trusted = check(client).then(() => {
      if (told !== undefined) log.info("Redis is fit to remember requests again");
      told = undefined;
      return client;
    }, (error) => {
      if (client.isReady) tell(error);
      return undefined;
    });
    const last = trusted;
    trusted.then(() => {
      if (last === trusted && client.isReady) next = setTimeout(() => look(client), CHECK_MS);
    });
  }

  function tell(error: unknown): void {
    const fault = errorText(error);
    if (told === fault) return;
    told = fault;
    if (error instanceof UnfitError) log.error("Redis may forget requests, so none is accepted: {fault}", { fault });
    else log.warn("Redis cannot be asked what it remembers, so no request is accepted: {fault}", { fault });
  }

  async function check(client: RedisClient): Promise<void> {
    const info = await client.info();
    const runId = fitRunId(info);
    const found = await client.get(key);
    const [foundRunId, foundSince] = found?.split(" ") ?? [];
    // A marker from the future would refuse everything until then: the clock of its writer was ahead.
    const isValid = foundRunId === runId && Number(foundSince) * 1000 <= now() + CLOCK_TOLERANCE_MS;
    if (found !== null && isValid && !suspicious) return adopt(found);
    // On a server that is new to everybody, requests of this second cannot have run; otherwise some may have.
    const isNew = found === null && marker === undefined;
    const written = `${runId} ${Math.floor(now() / 1000) + (isNew ? 0 : 1)}`;
    await client.set(key, written);
    suspicious = false;
    adopt(written);
  }

  /** Takes a marker for true. Whoever wrote it: when it changed, the server forgot what this process had noted. */
  function adopt(text: string): void {
    if (text === marker) return;
    since = Number(text.split(" ")[1]);
    if (marker !== undefined) {
      for (const [kid, stamps] of noted) forgotten.set(kid, stamps.copy());
      log.warn("Redis may have forgotten requests that ran: those that were made before now are refused");
    }
    marker = text;
  }

  /** Reads the run that the server is in. @throws {UnfitError} if it may forget at any time */
  function fitRunId(info: string): string {
    const version = infoField(info, "redis_version") ?? "unknown";
    if (!(Number.parseInt(version) >= 7)) {
      throw new UnfitError(`Version "${version}" is too old: use Valkey, or Redis 7`);
    }
    const policy = infoField(info, "maxmemory_policy") ?? "unknown";
    if (infoField(info, "maxmemory") !== "0" && policy !== "noeviction") {
      suspicious = true;
      throw new UnfitError(`It evicts keys: set its maxmemory-policy to noeviction instead of "${policy}"`);
    }
    const runId = infoField(info, "run_id");
    if (runId === undefined) throw new UnfitError("It does not tell its run_id: use Valkey, or Redis 7");
    // Its clock may step ahead by itself, and its keys then expire early; on our own machine it steps with ours, so that
    // only the clock that never jumps tells. Small steps do not eat up the double window, and add up until they would.
    const time = Number(infoField(info, "server_time_usec")) / 1000;
    const offsets = [time - now(), time - monotonic()];
    const isFirst = clockOffsets.length === 0;
    const parted = clockOffsets.some((before, index) => Math.abs((offsets[index] ?? NaN) - before) > seconds * 250);
    if (isFirst || parted) clockOffsets = offsets;
    suspicious ||= parted;
    return runId;
  }

  const stopListening = connection.onConnect(look);

  return {
    trusted: () => trusted,
    get marker() {
      return marker === undefined ? undefined : { key, text: marker };
    },
    get since() {
      return marker === undefined ? undefined : since;
    },
    recheck: look,
    isForgotten: ({ kid, timestamp }) =>
      Math.floor(timestamp) < since || forgotten.get(kid)?.includes(timestamp) === true,
    note({ kid, timestamp }) {
      const stamps = noted.get(kid) ?? new TimestampRanges();
      stamps.add(timestamp);
      noted.set(kid, stamps);
    },
    close() {
      stopListening();
      clearTimeout(next);
      trusted = Promise.resolve(undefined);
    },
  };
}

function infoField(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.+?)\\r?$`, "m").exec(info)?.[1];
}
