/**
 * Compression of answers, for clients that ask for it.
 *
 * @module
 */
import type { Payload } from "../protocol/payload.ts";
import { readBytes } from "../protocol/read_bytes.ts";
import type { Reply } from "../services/service.ts";

/** Shortest JSON text of a body to compress, in bytes: a shorter one fits into a packet or two anyway. */
const MIN_BYTES = 1024;

/**
 * Compresses the body of a reply with gzip (RFC 1952), if its request asks for it by `"compress":"gzip"`. A body that is
 * short, or does not shrink, stays as it is; so does every body when something else is asked for, as a newer client may.
 */
export async function compressBody(reply: Reply, { compress }: Payload): Promise<Reply> {
  if (compress !== "gzip" || reply.bodyJson.length < MIN_BYTES) return reply;
  const text = new Blob([reply.bodyJson]);
  // A blob's stream comes in pieces: between two of them, other requests get their turn.
  const compressed = new Response(text.stream().pipeThrough(new CompressionStream("gzip")));
  const bodyGzip = (await readBytes(compressed, Infinity)).toBase64();
  return bodyGzip.length < text.size ? { ...reply, bodyGzip } : reply;
}
