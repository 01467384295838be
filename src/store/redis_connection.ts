/**
 * Connection to Valkey or Redis, shared by the replay store and the rate limits: the only importer of node-redis. Import it
 * dynamically, if one is configured.
 *
 * Each connection has its own client, which never reconnects, so that a new server is never mistaken for the old one.
 * node-redis has no time limit for the handshake, nor for a command once it is written.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { Buffer } from "node:buffer";
import { RESP_TYPES } from "redis";
import { formatHostPattern } from "../net/egress.ts";
import { findServer, PRIMARY_CHECK_MS, type RedisServers } from "./redis_address.ts";
import { connectClient, explain, makeClient, watchClient } from "./redis_client.ts";
import { checkServer } from "./redis_info.ts";
import { ReplyWatch } from "./redis_reply_watch.ts";
import type { HostPort } from "../net/redis_url.ts";

/** Options of SET. */
export interface SetOptions {
  /** Only sets an existing key. */
  readonly condition: "XX";
  /** Keeps the existing TTL. */
  readonly expiration: { readonly type: "KEEPTTL" };
}

/**
 * Client that uses the current connection; without one, commands fail at once. It is the `storeClient` of
 * `RateLimiterRedis`, with `useRedisPackage: true` and `rejectIfRedisNotReady: true`.
 */
export interface RedisLimitsClient {
  /** True while there is a connection. */
  readonly isReady: boolean;
  /** Runs a script. */
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  /** Starts a transaction. */
  multi(): unknown;
  /** Removes a key. */
  del(key: string): Promise<number>;
}

/** Client of one connection. Once it ends, all commands fail at once; none is sent over another connection. */
export interface RedisClient extends RedisLimitsClient {
  /** Reads a key. */
  get(key: string): Promise<string | null>;
  /** Sets a key. */
  set(key: string, value: string, options?: SetOptions): Promise<string | null>;
  /** Reads the server's information. */
  info(): Promise<string>;
  /**
   * Sends any command.
   *
   * @param args name of the command, and its arguments
   * @returns the reply, whose strings are text, or bytes with the type mapping {@linkcode BYTES}
   */
  sendCommand(args: readonly (string | Buffer)[], options?: ReplyOptions): Promise<unknown>;
  /** Subscribes to the messages of a channel, until the connection ends; no command can be sent over it then. */
  subscribe(channel: string, listener: (message: string) => void): Promise<void>;
}

/** Options of a command. */
export interface ReplyOptions {
  /** Types of replies that differ from the default. */
  readonly typeMapping?: Readonly<Record<number, typeof Buffer>>;
}

/** Replies with bytes in place of text. */
export const BYTES: ReplyOptions = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

/** Receives the changes of connections. */
export interface RedisReports {
  /** Reports a connection to a server. */
  connected(place: string): void;
  /** Reports that a connection, or an attempt to connect, ended. */
  failed(place: string, reason: string): void;
}

/** Options of a connection for one part of the gateway. */
export interface OwnConnectionOptions {
  /**
   * Time limit of replies, in milliseconds; that of the steps of connecting by default. Longer where a command may be
   * large: a server that was cut off is connected to as soon as by others.
   */
  readonly replyTimeoutMs?: number;
  /** Bytes of a reply up to which it may take longer than the time limit, while it goes on to arrive; none by default. */
  readonly largeReplyBytes?: number;
}

/** Servers, and options of the connection. */
export interface RedisOptions extends RedisServers, OwnConnectionOptions {
  /** Returns a number from 0 to below 1, which spreads out the reconnections of several gateways. */
  readonly random: () => number;
  /** Receives lost and new connections. */
  readonly reports: RedisReports;
}

/** Connection that reconnects until it is closed. */
export interface RedisConnection {
  /** Client of the current connection, if there is one. */
  readonly client: RedisClient | undefined;
  /** Client for `RateLimiterRedis`. */
  readonly limits: RedisLimitsClient;
  /** Calls a listener with the current and each new connection. @returns a function that removes it */
  onConnect(listener: (client: RedisClient) => void): () => void;
  /** Waits for pending commands within the time limit, then disconnects. */
  close(): Promise<void>;
}

type Timer = ReturnType<typeof setTimeout>;

/** Wait before the second attempt to connect, in milliseconds; each further one is twice as long. */
const FIRST_WAIT_MS = 50;
/** Longest wait between attempts, in milliseconds: no request is accepted until there is a connection. */
const LONGEST_WAIT_MS = 1000;

/** Starts to connect, and retries until the server is reachable. */
export function openRedis(options: RedisOptions): RedisConnection {
  const { url, timeoutMs, replyTimeoutMs = timeoutMs, random, largeReplyBytes = 0, reports } = options;
  const stop = new AbortController();
  const listeners = new Set<(client: RedisClient) => void>();
  let place = url.topology.hosts.map(formatHostPattern).join(",");
  let current: RedisClient | undefined;
  let wait = FIRST_WAIT_MS;

  /** Looks up the server, connects, waits for the end of the connection, and returns its reason. */
  async function connectOnce(): Promise<string> {
    try {
      const server = await findServer(options, stop.signal);
      place = formatHostPattern(server);
      return await connectTo(server);
    } catch (error) {
      return explain(error);
    }
  }

  async function connectTo(server: HostPort): Promise<string> {
    const { username, password, database } = url;
    const tls = url.hasTls ? options.tls ?? {} : undefined;
    const client = makeClient({ server, tls, username, password, database, timeoutMs });
    const ended = Promise.withResolvers<string>();
    const timers: Timer[] = [];
    const over = new AbortController();
    let replies: ReplyWatch | undefined;
    let watching: Promise<void> | undefined;
    const end = (reason: string) => {
      if (current === watched) current = undefined;
      ended.resolve(reason);
      client.destroy();
    };
    const watched = watchClient(client, {
      follow: (reply) => replies?.follow(reply) ?? reply,
      onOtherServer: end,
    });
    const limit = (step: string, ms: number) => setTimeout(() => end(`${step} took more than ${ms} ms`), ms);
    const disconnect = () => {
      if (!client.isReady) return end("Closed");
      timers.push(limit("The shutdown", replyTimeoutMs));
      client.close().catch(() => {});
    };
    client.on("end", () => end("Closed"));
    client.once("connect", () => {
      const handshake = limit("The handshake", timeoutMs);
      timers.push(handshake);
      client.once("ready", () => clearTimeout(handshake));
      // Otherwise a client that was closed before the connection would stay open.
      if (stop.signal.aborted) end("Closed");
    });
    stop.signal.addEventListener("abort", disconnect);
    try {
      // Every error ends the connection: after an unreadable reply, the next ones could be matched to other commands.
      const socket = await connectClient(client, (error) => end(explain(error)));
      replies = new ReplyWatch({
        timeoutMs: replyTimeoutMs,
        largeReplyBytes,
        received: () => socket?.bytesRead ?? 0,
        ping: () => client.ping(),
        onLate: () => end(`No reply for ${replyTimeoutMs} ms`),
      });
      await checkServer(watched, url);
      if (url.topology.kind === "sentinel") watching = watchPrimary(server, end, over.signal);
      onReady(watched);
    } catch (error) {
      end(explain(error));
    }
    const reason = await ended.promise;
    stop.signal.removeEventListener("abort", disconnect);
    timers.forEach(clearTimeout);
    replies?.close();
    over.abort();
    await watching;
    return reason;
  }

  /**
   * Ends a connection once the sentinels name another primary, or do not answer: cut off from them, this process would not
   * learn that they replaced it.
   */
  async function watchPrimary(server: HostPort, end: (reason: string) => void, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await pause(PRIMARY_CHECK_MS, undefined, { signal: over }).catch(() => {});
      try {
        const { host, port } = await findServer(options, over);
        if (host !== server.host || port !== server.port) end("The sentinels name another primary");
      } catch (error) {
        end(explain(error));
      }
    }
  }

  function onReady(client: RedisClient): void {
    if (!client.isReady || stop.signal.aborted) return;
    current = client;
    wait = FIRST_WAIT_MS;
    reports.connected(place);
    for (const listener of listeners) listener(client);
  }

  async function keepConnected(): Promise<void> {
    while (!stop.signal.aborted) {
      const reason = await connectOnce();
      if (stop.signal.aborted) return;
      reports.failed(place, reason);
      await pause(wait * (1 + random()) / 2, undefined, { signal: stop.signal }).catch(() => {});
      wait = Math.min(2 * wait, LONGEST_WAIT_MS);
    }
  }

  const running = keepConnected();

  function connected(): RedisClient {
    if (current === undefined) throw new Error(`No connection to Redis at ${place}`);
    return current;
  }

  return {
    get client() {
      return current;
    },
    limits: {
      get isReady() {
        return current !== undefined;
      },
      eval: async (...call) => await connected().eval(...call),
      multi: () => connected().multi(),
      del: async (...call) => await connected().del(...call),
    },
    onConnect(listener) {
      listeners.add(listener);
      if (current !== undefined) listener(current);
      return () => listeners.delete(listener);
    },
    async close() {
      stop.abort();
      await running;
    },
  };
}
