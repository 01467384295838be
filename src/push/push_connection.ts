/**
 * Connections to push services. Each request has its own: HTTP clients repeat a request by themselves when a reused
 * connection is closed, and the device would get the message twice.
 *
 * Deno's `fetch` does not tell whether a request that failed was sent, and node's `https` needs more of the sandbox: so
 * TLS is Deno's, and HTTP is node's.
 *
 * @module
 */
import { type ClientRequest, request as httpRequest } from "node:http";
import { Duplex } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import { errorName, errorText } from "../lib/errors.ts";
import { hostOf } from "../net/host.ts";
import type { Platform } from "../platform.ts";
import type { PushAnswer } from "./delivery.ts";
import { HTTPS_PORT } from "./endpoint.ts";
import type { PushRequest } from "./push_request.ts";

/** Network of the machine. */
export type PushNetwork = Pick<Platform, "connect" | "startTls">;

/** Request to a push service. */
export interface OutgoingPush extends PushRequest {
  /** Address of the subscription. */
  readonly endpoint: URL;
  /** Returns the reason not to connect to an address; undefined if it is allowed. */
  readonly addressFault: (address: string) => string | undefined;
  /** Ends the attempt; one that is connected, too. */
  readonly signal: AbortSignal;
  /** Ends the attempt before the request is sent, and not afterwards. */
  readonly connectSignal: AbortSignal;
}

/** End of an attempt. */
export type SendResult =
  | {
    /** Distinguishes it: the service has answered. */
    readonly type: "answered";
    /** Its answer. */
    readonly answer: PushAnswer;
  }
  | {
    /** Distinguishes it: nothing was sent, as the connection failed. */
    readonly type: "unsent";
    /** Reason, without the address. */
    readonly reason: string;
  }
  | {
    /** Distinguishes it: nothing was sent, as the host leads to an address that is not allowed. */
    readonly type: "not_allowed";
    /** Reason, which follows the host. */
    readonly reason: string;
  }
  | {
    /** Distinguishes it: the request was sent, and no answer came. */
    readonly type: "unconfirmed";
    /** Reason, without the address. */
    readonly reason: string;
  };

/** Sends a request once, and follows no redirect. Of the answer only the head is read. Never throws. */
export async function sendPush(network: PushNetwork, push: OutgoingPush): Promise<SendResult> {
  const { endpoint, addressFault, signal, connectSignal } = push;
  const either = AbortSignal.any([signal, connectSignal]);
  const hostname = hostOf(endpoint);
  let connection: Deno.Conn | undefined;
  const close = () => closeConnection(connection);
  either.addEventListener("abort", close, { once: true });
  try {
    const port = Number(endpoint.port || HTTPS_PORT);
    const tcp = connection = await network.connect({ hostname, port, signal: either });
    either.throwIfAborted();
    // Of the connection itself: a second answer of the name server changes nothing.
    const fault = addressFault(tcp.remoteAddr.hostname);
    if (fault !== undefined) return { type: "not_allowed", reason: `leads to an address that ${fault}` };
    const tls = connection = await network.startTls(tcp, { hostname });
    await tls.handshake();
    either.throwIfAborted();
    either.removeEventListener("abort", close);
    // The same class, which the types of Deno and node declare apart.
    const readable = tls.readable as NodeReadableStream;
    return await exchange(Duplex.fromWeb({ readable, writable: tls.writable }), push);
  } catch (error) {
    if (errorName(error) === "NotCapable") {
      return {
        type: "not_allowed",
        reason: "is not in the flags of Deno's sandbox, or leads to an address that is not",
      };
    }
    const reason = either.aborted ? "it takes too long" : `${errorName(error)}: ${errorText(error)}`;
    return { type: "unsent", reason };
  } finally {
    either.removeEventListener("abort", close);
    close();
  }
}

/** Sends the request over a connection. From here on the service may have it, whatever happens. */
async function exchange(socket: Duplex, { endpoint, headers, body, signal }: OutgoingPush): Promise<SendResult> {
  const { promise, resolve } = Promise.withResolvers<SendResult>();
  const unconfirmed = (reason: string) => resolve({ type: "unconfirmed", reason });
  const stop = () => unconfirmed("no answer came in time");
  // Also once the request is over: node reports a closed connection late.
  socket.on("error", () => unconfirmed("the connection broke"));
  let outgoing: ClientRequest | undefined;
  try {
    outgoing = httpRequest({
      createConnection: () => socket,
      method: "POST",
      path: `${endpoint.pathname}${endpoint.search}`,
      headers: { ...headers, "Host": endpoint.host, "Content-Length": body.length, "Connection": "close" },
    }, ({ statusCode: status = 0, headers }) => {
      resolve({ type: "answered", answer: { status, retryAfter: headers["retry-after"] ?? null } });
    });
    outgoing.on("error", (error) => unconfirmed(errorName(error)));
    outgoing.on("close", () => unconfirmed("the connection was closed"));
    signal.addEventListener("abort", stop, { once: true });
    outgoing.end(body);
    return await promise;
  } finally {
    signal.removeEventListener("abort", stop);
    outgoing?.destroy();
    socket.destroy();
  }
}

function closeConnection(connection: Deno.Conn | undefined): void {
  try {
    connection?.close();
  } catch {
    // It is closed already, or belongs to the connection with TLS.
  }
}
