/**
 * The connection to Valkey or Redis that the replay store and the rate limits share: the only importer of node-redis.
 * To be imported dynamically, where one is configured.
 *
 * Each connection has a client of its own, which never reconnects: nobody can mistake the server for the one before.
 * node-redis sets no deadline to the handshake, nor to a command once it is written.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { createClient } from "redis";
import type { Log } from "../observability/log.ts";
import type { RedisClient, RedisLimitsClient } from "./redis_client.ts";

/** Where the server is, and how patient to be. */
export interface RedisOptions {
  /** `redis:` or, with TLS, `rediss:`, with user, password and number of the database where they are needed. */
  readonly url: URL;
  /** Longest silence after a command, and longest time for each step of connecting, in milliseconds. */
  readonly timeoutMs: number;
  /** A number from 0 to below 1, so that gateways that lost the same server do not come back all at once. */
  readonly random: () => number;
  /** Is told when the server is lost, why, and when it is back. */
  readonly log: Pick<Log, "info" | "warn">;
}

/** A server that is connected to again and again, until closed. */
export interface RedisConnection {
  /** The connection that is up, if one is. */
  readonly client: RedisClient | undefined;
  /** For `RateLimiterRedis`. */
  readonly limits: RedisLimitsClient;
  /** Calls back with each new connection. @returns a function that stops it */
  onConnect(listener: (client: RedisClient) => void): () => void;
  /** Lets commands that are under way finish, not longer than the deadline, and hangs up. */
  close(): Promise<void>;
}

type Client = ReturnType<typeof createClient>;
type Timer = ReturnType<typeof setTimeout>;

/** How often a connection is tested within the deadline. */
const TESTS_PER_DEADLINE = 4;
/** The wait before the second attempt to connect; each further one is twice as long. In milliseconds. */
const FIRST_WAIT_MS = 50;
/** The longest wait between attempts, in milliseconds. */
const LONGEST_WAIT_MS = 2000;

/**
 * Begins to connect. The server need not be there yet.
 *
 * @throws {TypeError} if the URL is not one of a Redis server
 * @throws {URIError} if user or password has a percent sign that encodes nothing
 */
export function openRedis(options: RedisOptions): RedisConnection {
  const { url, timeoutMs, random, log } = options;
  const place = `${url.hostname}:${url.port || 6379}`;
  const stop = new AbortController();
  const listeners = new Set<(client: RedisClient) => void>();
  const told = new Set<string>();
  let current: RedisClient | undefined;
  let wait = FIRST_WAIT_MS;

  /** Connects, and returns why there is no connection any more. */
  async function connectOnce(client: Client): Promise<string> {
    const ended = Promise.withResolvers<string>();
    const timers: Timer[] = [];
    const end = (reason: string) => {
      if (current === client) current = undefined;
      ended.resolve(reason);
      client.destroy();
    };
    const limit = (step: string) => setTimeout(() => end(`${step} took more than ${timeoutMs} ms`), timeoutMs);
    const sayFarewell = () => {
      if (!client.isReady) return end("Closed");
      timers.push(limit("The farewell"));
      client.close().catch(() => {});
    };
    // After a reply that cannot be read, the next ones might be taken for those of other commands: no error is mended.
    client.on("error", (error) => end(explain(error)));
    client.on("end", () => end("Closed"));
    client.once("connect", () => {
      const handshake = limit("The handshake");
      timers.push(handshake);
      client.once("ready", () => clearTimeout(handshake));
      // A client that was closed before would otherwise go on, and stay.
      if (stop.signal.aborted) end("Closed");
    });
    stop.signal.addEventListener("abort", sayFarewell);
    try {
      await client.connect();
      timers.push(watch(client, end));
      announce(client);
    } catch (error) {
      end(explain(error));
    }
    const reason = await ended.promise;
    stop.signal.removeEventListener("abort", sayFarewell);
    timers.forEach(clearTimeout);
    return reason;
  }

  /**
   * Ends a connection on which nothing comes back, and with it all commands that wait there. Replies come in order:
   * an answered test vouches for every command before it. Counted in tests, so that a moment in which this process
   * does not run is not taken for silence.
   */
  function watch(client: Client, end: (reason: string) => void): Timer {
    let unanswered = 0;
    return setInterval(() => {
      if (unanswered === TESTS_PER_DEADLINE - 1) return end(`It is silent for ${timeoutMs} ms`);
      unanswered += 1;
      // An error is an answer, too: the user may lack the right to PING.
      client.ping().catch(() => {}).finally(() => unanswered -= 1);
    }, timeoutMs / TESTS_PER_DEADLINE);
  }

  function announce(client: RedisClient): void {
    if (!client.isReady) return;
    current = client;
    wait = FIRST_WAIT_MS;
    told.clear();
    log.info("Connected to Redis at {place}", { place });
    for (const listener of listeners) listener(client);
  }

  async function keepConnected(first: Client): Promise<void> {
    for (let client = first;; client = makeClient(url, timeoutMs)) {
      const reason = await connectOnce(client);
      if (stop.signal.aborted) return;
      if (!told.has(reason)) log.warn("No connection to Redis at {place}: {reason}", { place, reason });
      told.add(reason);
      await pause(wait * (1 + random()) / 2, undefined, { signal: stop.signal }).catch(() => {});
      if (stop.signal.aborted) return;
      wait = Math.min(2 * wait, LONGEST_WAIT_MS);
    }
  }

  // The first client is made here, so that a wrong URL is told at once.
  const running = keepConnected(makeClient(url, timeoutMs));

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

function makeClient(url: URL, timeoutMs: number): Client {
  return createClient({
    url: url.href,
    socket: { connectTimeout: timeoutMs, reconnectStrategy: false },
    disableOfflineQueue: true,
    // It would let the server send the client to another address.
    maintNotifications: "disabled",
    // Nobody needs it, and the user may lack the right to it.
    disableClientInfo: true,
    // A timer for each command, and of no effect once the command is written.
    commandOptions: { timeout: 0 },
  });
}

/** The reason that goes to the log. Old servers repeat the arguments of an unknown command: the password is one. */
function explain(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/,? with args.*$/is, "");
}
