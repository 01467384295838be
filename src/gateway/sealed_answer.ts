/**
 * Answers for whoever proved a key.
 *
 * @module
 */
import type { SealedText } from "../protocol/aead.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import { type Exchange, sealAnswer } from "../protocol/exchange.ts";
import type { Reply } from "../services/service.ts";

/** Seals replies. */
export type SealReply = (exchange: Exchange, reply: Reply) => Promise<SealedText>;

/**
 * Makes the function that seals replies: status, body and the gateway's clock.
 *
 * @param now the wall clock, in milliseconds since 1970
 */
export function createSealReply(now: () => number, random: RandomBytes): SealReply {
  return (exchange, { status, bodyJson }) => {
    // Whole seconds: some clients read the timestamp as an integer. The body is JSON text already.
    const timestamp = Math.floor(now() / 1000);
    return sealAnswer(exchange, `{"status":${status},"body":${bodyJson},"timestamp":${timestamp}}`, random);
  };
}

/** Makes the response that carries a sealed reply. */
export function sealedResponse(answer: SealedText): Response {
  const headers = { "Content-Type": "application/octet-stream", "Cache-Control": "no-store" };
  if (answer.length <= PIECE) return new Response(answer, { headers });
  return new Response(inPieces(answer), { headers: { ...headers, "Content-Length": String(answer.length) } });
}

/** Length of a piece of an answer, in characters, which are bytes: base64 is ASCII. */
const PIECE = 64 * 1024;

const ascii = new TextEncoder();

/** Hands a text over as it is read: who asks for a large answer again and again, and reads none, holds a piece each. */
function inPieces(text: string): ReadableStream<Uint8Array> {
  let start = 0;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(ascii.encode(text.slice(start, start + PIECE)));
      start += PIECE;
      if (start >= text.length) controller.close();
    },
  }, { highWaterMark: 0 });
}
