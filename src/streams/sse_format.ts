/**
 * Text of Server-Sent Events (HTML standard, section 9.2).
 *
 * @module
 */

const utf8 = new TextEncoder();

/** Bytes of a record without an id, besides its data. */
export const RECORD_BYTES: number = "data: \n\n".length;

/** Comment that keeps a stream of version 1 open. */
export const HEARTBEAT_COMMENT: Uint8Array = utf8.encode(": keepalive\n\n");

/** Returns a record. */
export function sseRecord(data: string): Uint8Array {
  return utf8.encode(`data: ${data}\n\n`);
}

/** Returns a record with an id. */
export function numberedRecord(id: number | string, data: string): Uint8Array {
  return utf8.encode(`id: ${id}\ndata: ${data}\n\n`);
}

/** Returns the first record of a stream of version 2. */
export function openingRecord(data: string): Uint8Array {
  return utf8.encode(`event: open\ndata: ${data}\n\n`);
}
