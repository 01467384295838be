/**
 * One connection to Home Assistant's WebSocket API, which streams the states of all entities:
 * https://developers.home-assistant.io/docs/api/websocket
 *
 * Not by Deno's own WebSocket: that reads messages of up to 64 MiB into memory, and as many as arrive.
 *
 * @module
 */
import { isIP } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
// @ts-types="@types/ws"
import { type RawData, WebSocket } from "ws";
import type { Clock } from "../../lib/clock.ts";
import { isDeeperThan, parseExact } from "../../lib/exact_json.ts";
import { isObject } from "../../lib/json.ts";
import { exactValuesWeight } from "../../lib/json_weight.ts";
import { hostOf } from "../../net/host.ts";
import type { PrivateTrust } from "../../net/private_trust.ts";
import { ServiceError } from "../service.ts";
import { malformed, timeout, TokenRefusedError, unreachable } from "./stream_errors.ts";

/** Address of the WebSocket API, and the token for it. */
export interface WebSocketAddress {
  /** URL, with the scheme `ws` or `wss`. */
  readonly webSocket: string;
  /** Access token. */
  readonly token: string;
  /** Certificates to trust in place of the public authorities'. */
  readonly trust?: PrivateTrust | undefined;
}

/** Limits of a connection, and the functions that it calls. */
export interface StatesConnectionOptions {
  /**
   * Called with each event of `subscribe_entities`; the first has all states. Nothing further is read until its promise,
   * if there is one, resolves.
   *
   * @throws {ServiceError} to end the connection
   */
  readonly onStates: (event: Readonly<Record<string, unknown>>) => Promise<void> | undefined;
  /**
   * Called once, when the connection has failed; not after a call of `close`. `isReached` is true if Home Assistant had
   * sent anything.
   */
  readonly onClosed: (reason: ServiceError, options: { readonly isReached: boolean }) => void;
}

/** Connection that is open or being opened. */
export interface StatesConnection {
  /** Closes it. No function is called any more. */
  close(): void;
}

/** Opens a connection. */
export type ConnectStates = (options: StatesConnectionOptions) => StatesConnection;

/** Limits of connections. */
export interface WebSocketLimits {
  /** Longest time until the first states, in milliseconds. */
  readonly timeoutMs: number;
  /** Largest message to read, in bytes. */
  readonly maxMessageBytes: number;
  /** Clock of timeouts. */
  readonly clock: Pick<Clock, "monotonic" | "after">;
}

/** Interval of pings, and longest silence after one, in milliseconds. Home Assistant's own interval is 55 s. */
const PING_MS = 30_000;

/** Most memory of the values of a message while it is parsed, in bytes. */
const MAX_VALUES_BYTES = 48 * 2 ** 20;

/** Time that messages may take before other work runs, in milliseconds. */
const MAX_WORK_MS = 5;

/** Most levels of lists and objects in a message. */
const MAX_DEPTH = 100;

/** Id of the only subscription of a connection. */
const SUBSCRIPTION_ID = 1;

/** Makes the function that opens connections. */
export function createConnectStates(
  { webSocket: url, token, trust }: WebSocketAddress,
  { timeoutMs, maxMessageBytes, clock }: WebSocketLimits,
): ConnectStates {
  return ({ onStates, onClosed }) => {
    const socket = new WebSocket(url, {
      ...trust === undefined || !url.startsWith("wss:") ? {} : { createConnection: () => connectPrivately(url, trust) },
      maxPayload: maxMessageBytes,
      // A few bytes could stand for very many.
      perMessageDeflate: false,
      followRedirects: false,
    });
    let isReached = false;
    let isTokenSent = false;
    let isAuthorized = false;
    let isClosed = false;
    /** Number of promises that the next message waits for. */
    let waits = 0;
    let isSilent = false;
    /** Time that messages have taken since other work ran, in milliseconds. */
    let workMs = 0;
    let lastId = SUBSCRIPTION_ID;
    let stopTimer = clock.after(timeoutMs, () => fail(timeout("Home Assistant did not send its states in time")));

    function close(): void {
      isClosed = true;
      stopTimer();
      socket.terminate();
    }

    function fail(reason: ServiceError): void {
      if (isClosed) return;
      close();
      onClosed(reason, { isReached });
    }

    const send = (message: Readonly<Record<string, unknown>>) => socket.send(JSON.stringify(message));

    function schedulePing(): void {
      stopTimer();
      stopTimer = clock.after(PING_MS, () => {
        if (isSilent && waits === 0) return fail(timeout("Home Assistant no longer answers"));
        isSilent = true;
        lastId += 1;
        send({ id: lastId, type: "ping" });
        schedulePing();
      });
    }

    /** Reads nothing further until a promise settles. */
    function waitFor(promise: Promise<void>): void {
      waits += 1;
      socket.pause();
      const resume = () => {
        waits -= 1;
        if (waits > 0 || isClosed) return;
        isSilent = false;
        socket.resume();
      };
      promise.then(resume, resume);
    }

    function receiveEvent(event: unknown): Promise<void> | undefined {
      if (!isObject(event)) throw malformed("an event that is no object");
      schedulePing();
      return onStates(event);
    }

    /** Handles a message; returns the promise to wait for before the next one, if there is one. */
    function receive(message: unknown): Promise<void> | undefined {
      if (!isObject(message)) throw malformed("a message that is no object");
      const { type, id, success, event } = message;
      if (!isAuthorized) {
        // Once: a server that asks again and again, and reads nothing, would fill the memory with tokens.
        if (type === "auth_required" && !isTokenSent) {
          isTokenSent = true;
          send({ type: "auth", "access_token": token });
        } else if (type === "auth_invalid") throw new TokenRefusedError();
        else if (type === "auth_ok") {
          isAuthorized = true;
          send({ id: SUBSCRIPTION_ID, type: "subscribe_entities" });
        } else throw malformed("an unknown message before the login");
      } else if (id === SUBSCRIPTION_ID && type === "event") return receiveEvent(event);
      else if (id === SUBSCRIPTION_ID && type === "result" && success !== true) {
        throw malformed("a refusal of subscribe_entities: version 2022.4 or later is needed");
      }
      return undefined;
    }

    socket.on("message", (data, isBinary) => {
      if (isClosed) return;
      isReached = true;
      isSilent = false;
      try {
        const beganAt = clock.monotonic();
        const backpressure = receive(parseMessage(data, isBinary));
        workMs += clock.monotonic() - beganAt;
        if (isClosed) return;
        if (backpressure !== undefined) waitFor(backpressure);
        // Deno reads on as long as there is data, and nothing else would run.
        else if (workMs >= MAX_WORK_MS && waits === 0) waitFor(new Promise((resolve) => clock.after(0, resolve)));
        if (waits > 0) workMs = 0;
      } catch (error) {
        // Nested too deep, or no JSON.
        fail(error instanceof ServiceError ? error : malformed("a message that is not understood", error));
      }
    });
    socket.on("error", (error) => fail(connectionError(error, maxMessageBytes)));
    socket.on("close", () => fail(unreachable("Home Assistant closed the connection")));
    return { close };
  };
}

function connectPrivately(url: string, trust: PrivateTrust): TLSSocket {
  const address = new URL(url);
  const host = hostOf(address);
  // An address has no name to ask for (RFC 6066, section 3).
  const name = isIP(host) === 0 ? { servername: host } : {};
  return connectTls({ host, port: Number(address.port || 443), ...name, ...trust });
}

function parseMessage(data: RawData, isBinary: boolean): unknown {
  if (isBinary || !(data instanceof Uint8Array)) throw malformed("a message that is no text");
  const text = data.toString();
  if (exactValuesWeight(text) > MAX_VALUES_BYTES) throw malformed("a message with too many lists and objects");
  const message = parseExact(text);
  if (isDeeperThan(MAX_DEPTH, message)) throw malformed("a message that is nested too deep");
  return message;
}

function connectionError(error: Error, maxMessageBytes: number): ServiceError {
  if ("code" in error && error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") {
    return malformed(
      `a message of more than ${maxMessageBytes} bytes: raise HOME_ASSISTANT_MAX_RESPONSE_BYTES`,
      error,
    );
  }
  const [, status] = /^Unexpected server response: (\d{3})$/.exec(error.message) ?? [];
  if (status !== undefined) return malformed(`status ${status} in place of its WebSocket API`, error);
  return unreachable("Home Assistant cannot be reached", error);
}
