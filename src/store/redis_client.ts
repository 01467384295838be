/**
 * Clients of node-redis, each of one connection that is never reconnected.
 *
 * @module
 */
import { createClient, DisconnectsClientError } from "redis";
import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { isIP, Socket } from "node:net";
import { errorName, errorText } from "../lib/errors.ts";
import type { RedisClient } from "./redis_connection.ts";
import type { HostPort } from "../net/redis_url.ts";

/** Login at a server. */
export interface RedisLogin {
  /** User; undefined for the default one. */
  readonly username: string | undefined;
  /** Password; undefined for none. */
  readonly password: string | undefined;
}

/** Certificates of TLS, as PEM. */
export interface RedisTls {
  /** Authorities that are trusted in place of the public ones. */
  readonly ca?: string | undefined;
  /** Certificate of the client. */
  readonly cert?: string | undefined;
  /** Private key of that certificate. */
  readonly key?: string | undefined;
}

/** Options of a client. */
export interface ClientOptions extends RedisLogin {
  /** The server. */
  readonly server: HostPort;
  /** Certificates; undefined for a connection without TLS. */
  readonly tls: RedisTls | undefined;
  /** Number of the database; undefined for the first. */
  readonly database: number | undefined;
  /** Longest time for opening the socket, in milliseconds. */
  readonly timeoutMs: number;
}

/** Client of node-redis: the part of it that is used here. */
export interface NodeRedisClient extends RedisClient {
  /** Connects, and sends the login. */
  connect(): Promise<unknown>;
  /** Waits for pending commands, then disconnects. */
  close(): Promise<void>;
  /** Disconnects; pending commands fail. */
  destroy(): void;
  /** Sends PING. */
  ping(): Promise<unknown>;
  /** Calls a listener at each event. */
  on(event: "error" | "end", listener: (error: unknown) => void): unknown;
  /** Calls a listener at the first event. */
  once(event: "connect" | "ready", listener: () => void): unknown;
}

/** Makes a client, which is not yet connected. */
export function makeClient(
  { server: { host, port }, tls, username, password, database, timeoutMs }: ClientOptions,
): NodeRedisClient {
  const common = { host, port, connectTimeout: timeoutMs, reconnectStrategy: false } as const;
  return createClient({
    socket: tls === undefined ? common : {
      ...common,
      tls: true,
      // The name of the server is checked against its certificate; RFC 6066 allows no addresses here.
      ...isIP(host) === 0 ? { servername: host } : {},
      ...tls.ca === undefined ? {} : { ca: tls.ca },
      ...tls.cert === undefined || tls.key === undefined ? {} : { cert: tls.cert, key: tls.key },
    },
    ...username === undefined ? {} : { username },
    ...password === undefined ? {} : { password },
    ...database === undefined ? {} : { database },
    disableOfflineQueue: true,
    // Otherwise the server could redirect the client to another address.
    maintNotifications: "disabled",
    // Unused, and the user may lack the right to it.
    disableClientInfo: true,
    // Would start a timer for each command, without effect once the command is written.
    commandOptions: { timeout: 0 },
  });
}

/** Attempt to connect, with its socket and the first error of that. */
interface Attempt {
  error?: unknown;
  socket?: Socket;
}

/** Attempt in which a socket is opened. */
const ATTEMPTS = new AsyncLocalStorage<Attempt>();

/**
 * Connects a client. node-redis does not listen for errors of the socket for a moment after the handshake of TLS, when a
 * server of TLS 1.3 refuses the client's certificate, nor after a first error: unheard, they would end the process.
 *
 * @param onError gets all errors of the connection, also later ones
 * @returns its socket
 * @throws the error of the socket, of TLS or of the login
 */
export async function connectClient(
  client: NodeRedisClient,
  onError: (error: unknown) => void,
): Promise<Socket | undefined> {
  const attempt: Attempt = {};
  const onSocket = (message: unknown) => {
    if (ATTEMPTS.getStore() !== attempt || typeof message !== "object" || message === null) return;
    const socket = "socket" in message ? message.socket : undefined;
    if (!(socket instanceof Socket)) return;
    attempt.socket = socket;
    socket.on("error", (error) => attempt.error ??= error);
  };
  // The error of the socket is the cause of those that follow it.
  client.on("error", (error) => onError(attempt.error ?? error));
  subscribe("net.client.socket", onSocket);
  try {
    await ATTEMPTS.run(attempt, () => client.connect());
    return attempt.socket;
  } catch (error) {
    throw attempt.error ?? error;
  } finally {
    unsubscribe("net.client.socket", onSocket);
  }
}

/** Errors of a server that is not, or no longer, the one to use. */
const OTHER_SERVER = /^(READONLY|MOVED|CLUSTERDOWN|MASTERDOWN|UNBLOCKED)\b/;

/** Receives what a client learns of its server. */
export interface ClientWatcher {
  /** Passes on the reply of a command that was just sent. */
  readonly follow: <T>(reply: Promise<T>) => Promise<T>;
  /** Called when the server is not the one to use any more: it became a replica, or the keys have moved to another node. */
  readonly onOtherServer: (reason: string) => void;
}

/** Returns a client that reports its replies to a watcher. */
export function watchClient(client: NodeRedisClient, { follow, onOtherServer }: ClientWatcher): RedisClient {
  const watched = async <T>(reply: Promise<T>): Promise<T> => {
    try {
      return await follow(reply);
    } catch (error) {
      const reason = explain(error);
      if (OTHER_SERVER.test(reason)) onOtherServer(reason);
      // Its own text, "Disconnects client", says nothing to an operator; the log has the reason of the end.
      throw error instanceof DisconnectsClientError
        ? new Error("The connection to Redis ended", { cause: error })
        : error;
    }
  };
  return {
    get isReady() {
      return client.isReady;
    },
    eval: (...call) => watched(client.eval(...call)),
    multi: () => client.multi(),
    del: (...call) => watched(client.del(...call)),
    get: (...call) => watched(client.get(...call)),
    set: (...call) => watched(client.set(...call)),
    info: () => watched(client.info()),
    sendCommand: (args, options) => watched(client.sendCommand(args, options)),
    subscribe: (channel, listener) => watched(client.subscribe(channel, listener)),
  };
}

/**
 * Returns the reason for the log, without the arguments that old servers quote, as one of them is the password, and
 * without what servers advise to programmers.
 */
export function explain(error: unknown): string {
  const text = errorText(error) || errorName(error);
  return text.replace(/,? with args.*$/is, "").replace(/, otherwise the HELLO AUTH .*$/s, "").replace(/\.$/, "");
}
