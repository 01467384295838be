/**
 * Replies to admitted requests: compressed, sealed, and sent as fast as the client reads.
 *
 * @module
 */
import type { Log } from "../observability/log.ts";
import type { SealedText } from "../protocol/aead.ts";
import { isOnePiece, StreamedBody } from "../http/streamed_body.ts";
import { free, type RandomBytes } from "../protocol/bytes.ts";
import { type Exchange, sealAnswer } from "../protocol/exchange.ts";
import type { Payload } from "../protocol/payload.ts";
import { Mutex } from "../lib/async.ts";
import type { Awaitable } from "../lib/awaitable.ts";
import type { Reply } from "../services/service.ts";
import type { MemoryBudget } from "../limits/memory_budget.ts";

/** Shortest JSON text of a body to compress, in bytes: a shorter one fits into a packet or two. */
const MIN_COMPRESSED_BYTES = 1024;

/** Bytes to compress at a time: some milliseconds of this thread, then other requests continue. */
const COMPRESSED_PIECE_BYTES = 128 * 1024;

/** Length in characters from which bodies are sealed one after another: each takes several times its length. */
const LARGE_LENGTH = 2 ** 20;

const utf8 = new TextEncoder();

/**
 * Compresses the body of a reply with gzip (RFC 1952), if its request asks for it by `"compress":"gzip"`. A body that is
 * short or does not shrink is returned as it is; so is every body if the request asks for another compression.
 */
export function compressBody(reply: Reply, { compress }: Payload): Awaitable<Reply> {
  return compress !== "gzip" || reply.bodyJson.length < MIN_COMPRESSED_BYTES ? reply : compressed(reply);
}

async function compressed(reply: Reply): Promise<Reply> {
  const body = utf8.encode(reply.bodyJson);
  const bodyGzip = (await gzip(body)).toBase64();
  return bodyGzip.length < body.length ? { ...reply, bodyGzip } : reply;
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const { readable, writable } = new CompressionStream("gzip");
  const compressed = new Response(readable).bytes();
  const writer = writable.getWriter();
  for (let start = 0; start < bytes.length; start += COMPRESSED_PIECE_BYTES) {
    if (start > 0) await new Promise((resolve) => setTimeout(resolve));
    await writer.write(bytes.subarray(start, start + COMPRESSED_PIECE_BYTES));
  }
  await writer.close();
  return await compressed;
}

/** Seals a reply. */
export type SealReply = (exchange: Exchange, reply: Reply) => Promise<SealedText>;

/**
 * Returns the function that seals replies: status, body, the gateway's clock, and source.
 *
 * @param now wall clock, in milliseconds since 1970
 */
export function createSealReply(now: () => number, random: RandomBytes): SealReply {
  const mutex = new Mutex();
  const seal: SealReply = (exchange, { status, bodyJson, bodyGzip, members, source, service }) => {
    // Whole seconds: some clients read the timestamp as an integer. The body is JSON text already.
    const timestamp = Math.floor(now() / 1000);
    const body = bodyGzip === undefined ? `"body":${bodyJson}` : `"body_gzip":"${bodyGzip}"`;
    const origin = source === undefined ? "" : `,"source":"${source}"`;
    const from = service === undefined ? "" : `,"service":"${service}"`;
    const more = members === undefined ? "" : membersJson(members);
    return sealAnswer(exchange, `{"status":${status},${body},"timestamp":${timestamp}${origin}${from}${more}}`, random);
  };
  return (exchange, reply) =>
    lengthOf(reply) <= LARGE_LENGTH ? seal(exchange, reply) : mutex.runExclusive(() => seal(exchange, reply));
}

/** Returns the length of the texts of a reply, in characters. */
function lengthOf({ bodyJson, members }: Reply): number {
  if (members === undefined) return bodyJson.length;
  const texts = Object.values(members).filter((member) => typeof member === "string");
  return texts.reduce((length, text) => length + text.length, bodyJson.length);
}

/** Returns members of an object as JSON text, each after a comma. */
function membersJson(members: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(members).slice(1, -1);
  return text === "" ? "" : `,${text}`;
}

/**
 * Returns the response with a sealed reply.
 *
 * @param owner name of the key whose request is answered
 */
export type ToResponse = (answer: SealedText, owner: string) => Response;

/**
 * Returns the function that answers with sealed replies. Large answers that are not read are evicted: clients that request
 * many and read none would exhaust the memory.
 *
 * @param unread budget of all answers that wait to be read
 * @param log logger for evicted answers
 */
export function createToResponse(unread: MemoryBudget, log: Pick<Log, "warn">): ToResponse {
  const headers = { "Content-Type": "application/octet-stream", "Cache-Control": "no-store" };
  return (answer, owner) => {
    // Characters are bytes: base64 is ASCII.
    if (isOnePiece(answer.length)) return new Response(answer, { headers });
    const content = utf8.encode(answer);
    const { body } = new StreamedBody(content, {
      budget: unread,
      owner,
      onEvict: () => log.warn("Answer for {key} was broken off: it was not read", { key: owner }),
      onEnd: () => free(content),
    });
    return new Response(body, { headers: { ...headers, "Content-Length": String(answer.length) } });
  };
}
