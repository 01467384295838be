/** A gateway for tests of the client: what it answers to each subscription, byte for byte, is up to the test. */
import type { Clock } from "../../src/client/clock.ts";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../src/protocol/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import type { Position } from "../../src/protocol/event.ts";

/** The key that client and gateway share. */
export const KEY = "ab".repeat(32);
const secret = await importKey(Uint8Array.fromHex(KEY));

/** A subscribe request as it came. */
export interface Received {
  /** The envelope. */
  readonly body: string;
  /** What was in it. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Answers one subscription. The signal is that of the client's request. */
export type Answerer = (request: Received, signal: AbortSignal) => Response | Promise<Response>;

/** How a body ends: as if it were complete, with a lost connection, or not at all. */
export type BodyEnd = "ends" | "breaks" | "stays open";

export const position = (offset: number): Position => ({ epoch: "e1", offset });
export const connected = (offset: number) => ({ type: "connected", topic: "t", topics: ["t"], ...position(offset) });
export const message = (offset: number) => ({
  type: "message",
  topic: "t",
  payload: `m${offset}`,
  ...position(offset),
});

/** Seals an event as a block of a stream. */
export async function block(event: unknown): Promise<string> {
  return `data: ${await sealEnvelope(secret, JSON.stringify(event), randomBytes)}\n\n`;
}

/** A body of these pieces. */
export function bodyOf(pieces: readonly Uint8Array[], end: BodyEnd, signal: AbortSignal): Response {
  const rest = [...pieces];
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      // As a real `fetch` does.
      signal.addEventListener("abort", () => controller.error(signal.reason), { once: true });
    },
    pull(controller) {
      const piece = rest.shift();
      if (piece !== undefined) controller.enqueue(piece);
      else if (end === "ends") controller.close();
      else if (end === "breaks") controller.error(new TypeError("Connection reset by peer"));
    },
  }, { highWaterMark: 0 });
  return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
}

/** Answers with a stream of these events. */
export function stream(events: readonly unknown[], end: BodyEnd = "breaks"): Answerer {
  return async (_request, signal) => {
    const text = (await Promise.all(events.map(block))).join("");
    return bodyOf([new TextEncoder().encode(text)], end, signal);
  };
}

/** Nobody answers. */
export const unreachable: Answerer = () => Promise.reject(new TypeError("Connection refused"));

/** Answers by plain HTTP. */
export const refuse = (status: number, headers: Record<string, string> = {}): Answerer => () =>
  Response.json({ error: `Refused with ${status}` }, { status, headers });

/** A `fetch` to a gateway that answers as listed, one answer for each request. */
export function fetchOf(answers: readonly Answerer[]): { readonly fetch: typeof fetch; readonly requests: Received[] } {
  const rest = [...answers];
  const requests: Received[] = [];
  return {
    requests,
    async fetch(_input, init) {
      const { body, signal } = init ?? {};
      if (typeof body !== "string" || !signal) throw new Error("Request has no body or signal");
      const received = { body, fields: JSON.parse(await openEnvelope(secret, parseEnvelope(body))) };
      requests.push(received);
      const answer = rest.shift();
      // No TypeError: it is no failure of the network, but of the test.
      if (answer === undefined) throw new Error("Client asks more often than expected");
      return await answer(received, signal);
    },
  };
}

/** Makes a client of such a gateway. */
export function clientOf(answers: readonly Answerer[], clock: Clock, random: () => number = () => 0) {
  const { fetch, requests } = fetchOf(answers);
  return { client: new GatewayClient({ url: "http://gateway", key: KEY, clock, random, fetch }), requests };
}
