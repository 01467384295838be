/** HTTP/1.1 as bare as it gets: requests out of a connection, so that a server can misbehave on it in any way. */

/** Longest head of a request that is waited for, in bytes. */
const HEAD_MAX_BYTES = 16_384;

const utf8 = new TextDecoder();

/** Reads the bodies of the requests on a connection, until its other end leaves. Each needs a `Content-Length`. */
export async function* readBodies(connection: Deno.Conn): AsyncGenerator<string, void> {
  let bytes = new Uint8Array();
  const chunk = new Uint8Array(65_536);
  for (;;) {
    const head = headLength(bytes);
    const end = head === undefined ? undefined : head + bodyLength(utf8.decode(bytes.subarray(0, head)));
    if (head !== undefined && end !== undefined && bytes.length >= end) {
      yield utf8.decode(bytes.subarray(head, end));
      bytes = bytes.slice(end);
      continue;
    }
    if (head === undefined && bytes.length > HEAD_MAX_BYTES) throw new Error("Request has no end");
    const length = await connection.read(chunk);
    if (length === null) return;
    const longer = new Uint8Array(bytes.length + length);
    longer.set(bytes);
    longer.set(chunk.subarray(0, length), bytes.length);
    bytes = longer;
  }
}

/** Writes all of something. */
export async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await connection.write(bytes.subarray(written));
}

function headLength(bytes: Uint8Array): number | undefined {
  for (let at = 3; at < bytes.length; at++) {
    if (bytes[at] === 10 && bytes[at - 1] === 13 && bytes[at - 2] === 10 && bytes[at - 3] === 13) return at + 1;
  }
  return undefined;
}

function bodyLength(head: string): number {
  return Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
}
