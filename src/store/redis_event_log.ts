/**
 * Log of messages in Valkey or Redis: a stream, which several replicas share.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { Buffer } from "node:buffer";
import { abortable } from "../lib/async.ts";
import { errorText } from "../lib/errors.ts";
import type { QoS } from "../mqtt/broker.ts";
import {
  type EventLog,
  type Lease,
  LeaseLostError,
  type LogEntry,
  type LogPage,
  type LogState,
  ReplicaUnknownError,
  type SharedOwnerState,
  type StoredLogEntry,
  type WantedFilter,
} from "../mqtt/replicas/event_log.ts";
import { encodeLogEntry } from "../mqtt/replicas/log_entry_codec.ts";
import { BYTES, type RedisClient, type RedisConnection, type ReplyOptions } from "./redis_connection.ts";
import { EXPIRY_SECONDS } from "./redis_event_log_parts.ts";
import {
  numberOf,
  parseFilters,
  parseLease,
  parsePage,
  parsePairs,
  parseRange,
  parseTexts,
  parseWanted,
  textOf,
} from "./redis_event_log_replies.ts";
import * as scripts from "./redis_event_log_scripts.ts";
import type { RedisScript } from "./redis_script.ts";
import type { RedisServer } from "./redis_server.ts";

/** Limits of the kept entries. */
export interface EventLogLimits {
  /** Most bytes of entries. */
  readonly maxBytes: number;
  /** Age beyond which entries are deleted, in milliseconds; some are kept longer. */
  readonly maxAgeMs: number;
}

/** Server, name and limits of a log. */
export interface RedisEventLogOptions {
  /** The server. */
  readonly server: RedisServer;
  /** Name of the log: a short hash of the broker and the login. */
  readonly id: string;
  /** Limits. */
  readonly limits: EventLogLimits;
  /** Time after which the server deletes the log if no replica uses it, in seconds; two days by default. */
  readonly expirySeconds?: number;
  /** Time limit of replies on the log's own connections, in milliseconds: long enough for the largest message. */
  readonly timeoutMs: number;
}

/** Length of the epoch of a server that was empty, in bytes. */
const EPOCH_BYTES = 16;
/** Most entries of a page. */
const PAGE_ENTRIES = 1000;
/** Bytes of entries after which a page ends. */
const PAGE_BYTES = 1024 * 1024;
/** Bytes of a part of an entry; a larger entry is sent in parts, each within the time limit. */
const PART_BYTES = 65_536;
/** Parts that are sent before the first of them is answered: what waits in front of other connections' commands. */
const PARTS_AT_ONCE = 2;
/** Most filters of one step: the server does nothing else meanwhile. */
const MAX_FILTERS = 500;
/** Waits of a read within the time limit of replies: a connection that does not answer for that long is closed. */
const WAITS_PER_TIMEOUT = 5;

/** Opens a log. Until the server is connected, its methods throw. */
export function createRedisEventLog(options: RedisEventLogOptions): EventLog {
  return new RedisEventLog(options);
}

class RedisEventLog implements EventLog {
  readonly #server: RedisServer;
  readonly #reading: RedisConnection;
  /** For large commands, behind which no other part's commands wait. */
  readonly #writing: RedisConnection;
  readonly #base: string;
  readonly #keys: readonly string[];
  readonly #stream: string;
  readonly #filters: string;
  readonly #limits: readonly string[];
  readonly #expirySeconds: string;
  readonly #waitMs: number;
  /** Number of calls of `shareOwners`. */
  #shares = 0;

  constructor({ server, id, limits, expirySeconds = EXPIRY_SECONDS, timeoutMs }: RedisEventLogOptions) {
    this.#server = server;
    // A reply has what the log keeps at most.
    const connection = { replyTimeoutMs: timeoutMs, largeReplyBytes: limits.maxBytes };
    this.#reading = server.connect(connection);
    this.#writing = server.connect(connection);
    this.#base = `${server.prefix}log:${id}:`;
    this.#stream = `${this.#base}stream`;
    this.#filters = `${this.#base}filters`;
    this.#keys = [
      ...[`${this.#base}state`, this.#stream, this.#filters],
      ...[`${this.#base}unwanted`, `${this.#base}replicas`],
    ];
    this.#limits = [String(limits.maxBytes), String(limits.maxAgeMs)];
    this.#expirySeconds = String(expirySeconds);
    this.#waitMs = Math.max(1, Math.floor(timeoutMs / WAITS_PER_TIMEOUT));
  }

  readonly lease: Lease = {
    read: async () => parseLease(await this.#run(scripts.READ_LEASE, [])),
    take: async (token, seen) => {
      const expected = seen === undefined ? [] : [seen.token, String(seen.renewals)];
      return await this.#run(scripts.TAKE_LEASE, [token, ...expected]) === 1;
    },
    renew: async (token) => await this.#run(scripts.RENEW_LEASE, [token]) === 1,
    release: async (token) => void await this.#run(scripts.RELEASE_LEASE, [token]),
  };

  async readEpoch(): Promise<string> {
    return textOf(await this.#run(scripts.READ_EPOCH, []));
  }

  async append(token: string, entries: readonly LogEntry[]): Promise<number> {
    const client = clientOf(this.#writing);
    const args: (string | Buffer)[] = [];
    const large: Buffer[] = [];
    for (const entry of entries) {
      const grants = entry.type === "granted" ? entry.filters : [];
      const bytes = Buffer.from(encodeLogEntry(entry).buffer);
      const isLarge = bytes.length > PART_BYTES;
      if (isLarge) large.push(bytes);
      args.push(isLarge ? "" : bytes, String(isLarge ? bytes.length : 0), String(grants.length));
      for (const [filter, qos] of grants) args.push(filter, qos === undefined ? "-" : String(qos));
    }
    const sent = await this.#sendParts(token, large, client);
    return numberOf(await this.#run(scripts.APPEND, [token, ...this.#limits, String(sent), ...args], { client }));
  }

  /** Sends the bytes of large entries, which `APPEND` takes. @returns their number */
  async #sendParts(token: string, entries: readonly Buffer[], client: RedisClient): Promise<number> {
    let sent = 0;
    const waiting: Promise<unknown>[] = [];
    for (const entry of entries) {
      for (let from = 0; from < entry.length; from += PART_BYTES) {
        // The first one alone, as the server may have to be sent the script.
        if (waiting.length === (sent > PART_BYTES ? PARTS_AT_ONCE : 1)) await waiting.shift();
        const part = entry.subarray(from, from + PART_BYTES);
        const sending = this.#run(scripts.SEND_PART, [token, String(sent), part], { client });
        // If an earlier one fails, none waits for it.
        sending.catch(() => {});
        waiting.push(sending);
        sent += part.length;
      }
    }
    await Promise.all(waiting);
    return sent;
  }

  async read(
    after: number,
    { waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<LogPage> {
    const end = performance.now() + waitMs;
    let epoch: string | undefined;
    for (;;) {
      signal.throwIfAborted();
      const client = clientOf(this.#reading);
      const wait = Math.min(this.#waitMs, Math.ceil(end - performance.now()));
      // Both at once: the server reads as soon as the wait ends, and nothing has to travel between the two.
      const waiting = wait > 0 ? this.#awaitEntry(client, after, wait) : undefined;
      const args = [String(after), String(PAGE_ENTRIES), String(PAGE_BYTES)];
      const reading = this.#run(scripts.READ, args, { client, ...BYTES });
      const [reply] = await abortable(Promise.all([reading, waiting]), signal);
      const page = parsePage(reply);
      epoch ??= page.epoch;
      const isOver = performance.now() >= end;
      if (page.entries.length > 0 || page.epoch !== epoch || page.last < after || isOver) return page;
    }
  }

  /** Waits until the log has an entry after a sequence, for a time in milliseconds at most. */
  async #awaitEntry(client: RedisClient, after: number, ms: number): Promise<void> {
    const command = ["XREAD", "COUNT", "1", "BLOCK", String(ms), "STREAMS", this.#stream, `${after}-0`];
    await client.sendCommand(command, BYTES);
  }

  async readUnacknowledged(max: number): Promise<readonly StoredLogEntry[]> {
    const found: StoredLogEntry[] = [];
    for (let end = "+"; found.length < max;) {
      const command = ["XREVRANGE", this.#stream, end, "-", "COUNT", String(PAGE_ENTRIES)];
      const entries = parseRange(await clientOf(this.#writing).sendCommand(command, BYTES));
      found.push(...entries.filter(({ entry }) => entry.type === "message" && entry.message.qos > 0));
      const oldest = entries.at(-1);
      if (oldest === undefined || entries.length < PAGE_ENTRIES) break;
      end = `(${oldest.sequence}-0`;
    }
    return found.slice(0, max).reverse();
  }

  async want(
    replica: string,
    filters: readonly (readonly [filter: string, qos: QoS])[],
    owner: string | undefined,
  ): ReturnType<EventLog["want"]> {
    const wanted: WantedFilter[] = [];
    let state: LogState | undefined;
    // Also without filters, for the state.
    for (let from = 0; from < filters.length || state === undefined; from += MAX_FILTERS) {
      const part = filters.slice(from, from + MAX_FILTERS);
      const args = [replica, owner ?? "", ...this.#limits, ...part.flatMap(([filter, qos]) => [filter, String(qos)])];
      const reply = parseWanted(await this.#run(scripts.WANT, args), part.map(([filter]) => filter));
      wanted.push(...reply.filters);
      state = reply.state;
    }
    return { filters: wanted, state };
  }

  async unwant(replica: string, filters: readonly string[]): Promise<void> {
    for (let from = 0; from < filters.length; from += MAX_FILTERS) {
      await this.#run(scripts.UNWANT, [replica, ...this.#limits, ...filters.slice(from, from + MAX_FILTERS)]);
    }
  }

  async shareOwners(
    replica: string,
    states: readonly (readonly [filter: string, owner: string, state: SharedOwnerState])[],
  ): Promise<void> {
    const version = this.#shares += 1;
    for (let from = 0; from < states.length; from += MAX_FILTERS) {
      const args = states.slice(from, from + MAX_FILTERS).flatMap(([filter, owner, state]) => [
        ...[filter, owner, String(state.activeFrom), String(state.qos)],
        state.retainedUntil === undefined ? "-" : String(Math.max(-1, state.retainedUntil)),
      ]);
      await this.#run(scripts.SHARE_OWNERS, [replica, String(version), ...args]);
    }
  }

  async forgetOwners(replica: string, owners: readonly (readonly [filter: string, owner: string])[]): Promise<void> {
    for (let from = 0; from < owners.length; from += MAX_FILTERS) {
      await this.#run(scripts.FORGET_OWNERS, [replica, ...owners.slice(from, from + MAX_FILTERS).flat()]);
    }
  }

  async renewReplica(replica: string): Promise<number> {
    return numberOf(await this.#run(scripts.RENEW_REPLICA, [replica, this.#expirySeconds]));
  }

  async readReplicas(): Promise<ReadonlyMap<string, number>> {
    return parsePairs(await this.#run(scripts.READ_REPLICAS, []));
  }

  async removeReplica(token: string, replica: string): Promise<void> {
    await this.#run(scripts.REMOVE_REPLICA, [token, replica]);
  }

  async leave(replica: string): Promise<void> {
    await this.#run(scripts.LEAVE, [replica]);
  }

  async readWanted(): Promise<ReadonlyMap<string, QoS>> {
    const wanted = new Map<string, QoS>();
    let cursor = "0";
    do {
      const command = ["HSCAN", this.#filters, cursor, "COUNT", String(PAGE_ENTRIES)];
      const page = parseFilters(await clientOf(this.#server.connection).sendCommand(command));
      for (const [filter, qos] of page.wanted) wanted.set(filter, qos);
      cursor = page.cursor;
    } while (cursor !== "0");
    return wanted;
  }

  async retire(token: string): Promise<readonly string[]> {
    return parseTexts(await this.#run(scripts.RETIRE, [token]));
  }

  async close(): Promise<void> {
    await Promise.all([this.#reading.close(), this.#writing.close()]);
  }

  /** Runs a script, by default on the connection for commands that answer at once. */
  async #run(
    script: RedisScript,
    args: readonly (string | Buffer)[],
    { client = clientOf(this.#server.connection), ...options }: ReplyOptions & { readonly client?: RedisClient } = {},
  ): Promise<unknown> {
    const epoch = randomBytes(EPOCH_BYTES).toString("hex");
    try {
      return await script.run(client, { keys: this.#keys, args: [this.#base, epoch, ...args], ...options });
    } catch (error) {
      const reason = errorText(error);
      if (reason.startsWith("LEASELOST")) throw new LeaseLostError();
      if (reason.startsWith("REPLICAUNKNOWN")) throw new ReplicaUnknownError();
      throw error;
    }
  }
}

function clientOf({ client }: RedisConnection): RedisClient {
  if (client === undefined) throw new Error("No connection to Redis");
  return client;
}
