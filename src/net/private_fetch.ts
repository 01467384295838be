/**
 * HTTPS to servers at home, whose certificates no public authority signed.
 *
 * Deno's `fetch` does not accept the certificate of an authority as a server's own, and `openssl req -x509` makes such
 * certificates, without the server's name. Deno's `node:https` verifies them as OpenSSL does.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { Agent, request as requestHttps } from "node:https";
import { Readable } from "node:stream";
import { privateTrust } from "./private_trust.ts";

/** Statuses of answers without a body (Fetch standard, null body status). */
const BODILESS: readonly number[] = [204, 205, 304];

/** Certificate of a client and its private key, as PEM; empty for none. */
export interface ClientPair {
  /** The certificate chain. */
  readonly cert?: string;
  /** The certificate's private key. */
  readonly key?: string;
}

/**
 * Makes a `fetch` for HTTPS that trusts the given certificates alone, as {@linkcode privateTrust} does. Each request has
 * its own connection.
 *
 * @param pem the certificates, of authorities or of servers
 * @param pair certificate of this client and its private key, for servers that ask for one
 * @throws {Error} if there is none, or one is invalid
 */
export function createPrivateFetch(pem: string, pair: ClientPair = {}): typeof fetch {
  const agent = new Agent({ keepAlive: false, ...privateTrust(pem), ...pair });
  return async (input, init) => {
    const request = new Request(input, init);
    const body = await request.bytes();
    request.signal.throwIfAborted();
    return await send(request, body, agent);
  };
}

function send(request: Request, body: Uint8Array, agent: Agent): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const { url, method, headers, signal } = request;
  let isConnected = false;
  const outgoing = requestHttps(url, {
    method,
    agent,
    headers: { ...Object.fromEntries(headers), "content-length": body.length },
  }, (incoming) => {
    incoming.once("close", () => signal.removeEventListener("abort", stop));
    try {
      resolve(toResponse(incoming));
    } catch (error) {
      outgoing.destroy();
      reject(error);
    }
  });
  const stop = () => {
    outgoing.destroy();
    reject(signal.reason);
  };
  outgoing.on("socket", (socket) => socket.once("secureConnect", () => void (isConnected = true)));
  outgoing.on("error", (error: NodeJS.ErrnoException) => {
    signal.removeEventListener("abort", stop);
    // As Deno's own fetch reports it: the message shows whether the request was sent.
    const phase = isConnected ? "SendRequest" : "Connect";
    reject(
      new TypeError("fetch failed", { cause: new Error(`client error (${phase}): ${error.code}: ${error.message}`) }),
    );
  });
  signal.addEventListener("abort", stop, { once: true });
  outgoing.end(body);
  return promise;
}

function toResponse(incoming: IncomingMessage): Response {
  const { statusCode: status = 0 } = incoming;
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    // Several Set-Cookie are a list.
    for (const one of [value ?? []].flat()) headers.append(name, one);
  }
  if (BODILESS.includes(status)) {
    incoming.resume();
    return new Response(null, { status, headers });
  }
  return new Response(Readable.toWeb(incoming) as ReadableStream<Uint8Array<ArrayBuffer>>, { status, headers });
}
