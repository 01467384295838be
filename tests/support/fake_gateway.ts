/** Fake gateway behind `fetch`: a test decides each response, byte for byte. */
import type { Clock } from "../../src/lib/clock.ts";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import { randomBytes, toHex } from "../../src/protocol/bytes.ts";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import type { Position } from "../../src/protocol/event.ts";
import { type Exchange, openRequest, parseRequest, sealAnswer, type Version } from "../../src/protocol/exchange.ts";
import { importSecretKey, type SecretKey } from "../../src/protocol/secret_key.ts";
import { StreamSealer } from "../../src/protocol/v2/stream.ts";

/** Key of client and gateway. */
export const KEY = "0123456789abcdef".repeat(4);

/** Imported key. */
export const secret = await importSecretKey(Uint8Array.fromHex(KEY));

/** Both versions of the protocol. */
export const VERSIONS: readonly Version[] = [1, 2];

/** Request as received. */
export interface Received {
  /** Route. */
  readonly route: string;
  /** Envelope. */
  readonly body: string;
  /** Nonce or salt, in hexadecimal. */
  readonly nonce: string;
  /** Opened fields. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Seals the answer. */
  readonly exchange: Exchange;
}

/** Answers one request. The signal is that of the client's request. */
export type Answerer = (request: Received, signal: AbortSignal) => Response | Promise<Response>;

/** End of a body: regular, with a lost connection, or none. */
export type BodyEnd = "ends" | "breaks" | "stays open";

export const position = (offset: number): Position => ({ epoch: "e1", offset });
export const connected = (offset: number) => ({ type: "connected", topic: "t", topics: ["t"], ...position(offset) });
export const message = (offset: number) => ({
  type: "message",
  topic: "t",
  payload: `m${offset}`,
  ...position(offset),
});

/** Opens a request. */
export async function receive(route: string, body: string, key: SecretKey = secret): Promise<Received> {
  const envelope = parseRequest(body);
  const opened = await openRequest(key, envelope, { route: route as Route });
  if (opened === undefined) throw new Error("Request does not open");
  const { text, exchange } = opened;
  const nonce = toHex(envelope.version === 1 ? envelope.nonce : envelope.salt);
  return { route, body, nonce, fields: JSON.parse(text), exchange };
}

/** Seals the events of a stream, each as a block; the first block includes the opening. */
export async function blocks(events: readonly unknown[], exchange: Exchange): Promise<string[]> {
  const plain = events.map((event) => JSON.stringify(event));
  if (exchange.version === 1) {
    return await Promise.all(plain.map(async (text) => `data: ${await sealAnswer(exchange, text, randomBytes)}\n\n`));
  }
  const sealer = await StreamSealer.begin(exchange, randomBytes);
  const opening = `event: open\ndata: ${sealer.opening}\n\n`;
  const sealed = await Promise.all(plain.map(async (text) => {
    const event = sealer.seal(text);
    return `id: ${event.n}\ndata: ${await event.text}\n\n`;
  }));
  return [opening + (sealed[0] ?? ""), ...sealed.slice(1)];
}

/** Returns a response whose body has these chunks. */
export function bodyOf(chunks: readonly Uint8Array[], end: BodyEnd, signal: AbortSignal): Response {
  const rest = [...chunks];
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      // As a real `fetch` does.
      signal.addEventListener("abort", () => controller.error(signal.reason), { once: true });
    },
    pull(controller) {
      const chunk = rest.shift();
      if (chunk !== undefined) controller.enqueue(chunk);
      else if (end === "ends") controller.close();
      else if (end === "breaks") controller.error(new TypeError("Connection reset by peer"));
    },
  }, { highWaterMark: 0 });
  return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
}

/** Answers with a stream of these events, in the version of the request. */
export function stream(events: readonly unknown[], end: BodyEnd = "breaks"): Answerer {
  return async ({ exchange }, signal) => {
    const text = (await blocks(events, exchange)).join("");
    return bodyOf([new TextEncoder().encode(text)], end, signal);
  };
}

/** Seals an answer of this plaintext, in the version of the request. */
export const plain = (text: string): Answerer => async ({ exchange }) =>
  new Response(await sealAnswer(exchange, text, randomBytes));

/** Seals an answer of an older gateway, in the version of the request. */
export const answer = (status: number, body: unknown, timestamp = 1_700_000_000): Answerer =>
  plain(JSON.stringify({ status, body, timestamp }));

/** Seals an answer of a gateway that names the source. */
export const made = (maker: Record<string, unknown>, status: number, body: unknown): Answerer =>
  plain(JSON.stringify({ status, body, timestamp: 1_700_000_000, ...maker }));

/** Seals an error of the gateway's own, with its code. */
export const coded = (status: number, code: unknown, more: Record<string, unknown> = {}): Answerer =>
  made({ source: "gateway" }, status, JSON.stringify({ error: "Some text", code, ...more }));

/** Seals an error of the gateway's own. */
export const failure = (status: number, error: string, more: Record<string, unknown> = {}): Answerer =>
  answer(status, JSON.stringify({ error, ...more }));

/** Refuses an expired request, with the gateway's time in seconds. */
export const stale = (timestamp: number): Answerer =>
  answer(403, JSON.stringify({ error: "Request expired" }), timestamp);

/** Fails as without a network. */
export const unreachable: Answerer = () => Promise.reject(new TypeError("Connection refused"));

/** Never answers. */
export const mute: Answerer = (_request, signal) =>
  new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

/** Answers by plain HTTP. */
export const refuse = (status: number, headers: Record<string, string> = {}): Answerer => () =>
  Response.json({ error: `Refused with ${status}` }, { status, headers });

/** Returns a `fetch` to a gateway with these answers, one for each request. */
export function fetchOf(
  answers: readonly Answerer[],
  key: SecretKey = secret,
): { readonly fetch: typeof fetch; readonly requests: Received[] } {
  const rest = [...answers];
  const requests: Received[] = [];
  return {
    requests,
    async fetch(input, init) {
      const { body, signal } = init ?? {};
      if (typeof body !== "string" || !signal) throw new Error("Request has no body or signal");
      signal.throwIfAborted();
      const received = await receive(new URL(String(input)).pathname, body, key);
      requests.push(received);
      const answer = rest.shift();
      // Not a TypeError, which would be a failure of the network.
      if (answer === undefined) throw new Error("Client asks more often than expected");
      return await answer(received, signal);
    },
  };
}

/** Options of a client of a fake gateway. */
export interface ClientOfOptions {
  /** Version of the protocol; 2 by default. */
  readonly protocol?: Version | "auto";
  /** Returns a number from 0 up to but not including 1; always 0 by default. */
  readonly random?: () => number;
  /** Name of the key. */
  readonly keyName?: string;
}

/** Makes a client of a fake gateway with these answers. */
export function clientOf(answers: readonly Answerer[], clock: Clock, options: ClientOfOptions = {}) {
  const { fetch, requests } = fetchOf(answers);
  const settings = { url: "http://gateway", key: KEY, clock, random: () => 0, fetch, protocol: 2, ...options } as const;
  return { client: new GatewayClient(settings), requests };
}
