/**
 * Compression of answers, for clients that ask for it.
 *
 * @module
 */
import type { Payload } from "../protocol/payload.ts";
import type { Reply } from "../services/service.ts";

/** Shortest JSON text of a body to compress, in bytes: a shorter one fits into a packet or two anyway. */
const MIN_BYTES = 1024;

/** How much is compressed at a time, in bytes: some milliseconds of this thread, then other requests get their turn. */
const PIECE_BYTES = 128 * 1024;

const utf8 = new TextEncoder();

/**
 * Compresses the body of a reply with gzip (RFC 1952), if its request asks for it by `"compress":"gzip"`. A body that is
 * short, or does not shrink, stays as it is; so does every body when something else is asked for, as a newer client may.
 */
export async function compressBody(reply: Reply, { compress }: Payload): Promise<Reply> {
  if (compress !== "gzip" || reply.bodyJson.length < MIN_BYTES) return reply;
  const body = utf8.encode(reply.bodyJson);
  const bodyGzip = (await gzip(body)).toBase64();
  return bodyGzip.length < body.length ? { ...reply, bodyGzip } : reply;
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const { readable, writable } = new CompressionStream("gzip");
  const compressed = new Response(readable).bytes();
  const writer = writable.getWriter();
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
    if (start > 0) await new Promise((resolve) => setTimeout(resolve));
    await writer.write(bytes.subarray(start, start + PIECE_BYTES));
  }
  await writer.close();
  return await compressed;
}
