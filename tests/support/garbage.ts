/** Bodies that no key opens, sent as fast as a connection accepts them. */
import { randomBytes } from "../../src/protocol/bytes.ts";

/** Requests in flight at a time. */
const BATCH = 100;

/** Target and sender of the garbage. */
export interface GarbageOptions {
  readonly port: number;
  /** Address of the sender, for `X-Forwarded-For`. */
  readonly forwardedFor: string;
  /** Decoded size of each body. */
  readonly bytes: number;
}

/**
 * Sends garbage over one connection, many requests at a time; reconnects when the gateway closes the connection, as it
 * does for bodies that it does not read.
 *
 * @param shouldContinue called before each batch with the number of answers so far
 * @returns the number of answers of each status
 */
export async function sendGarbage(
  { port, forwardedFor, bytes }: GarbageOptions,
  shouldContinue: (answers: number) => boolean,
): Promise<Map<string, number>> {
  const statuses = new Map<string, number>();
  const body = randomBytes(bytes).toBase64();
  const head =
    `POST /gateway HTTP/1.1\r\nHost: g\r\nX-Forwarded-For: ${forwardedFor}\r\nContent-Length: ${body.length}`;
  const batch = new TextEncoder().encode(`${head}\r\n\r\n${body}`.repeat(BATCH));
  let answers = 0;
  while (shouldContinue(answers)) {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    for (let isOpen = true; isOpen && shouldContinue(answers);) {
      const expected = answers + BATCH;
      const writing = writeAll(connection, batch).catch(() => {});
      for await (const status of readStatuses(connection)) {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        answers += 1;
        if (answers === expected) break;
      }
      await writing;
      isOpen = answers === expected;
    }
  }
  return statuses;
}

/** Yields the status of each answer until the connection ends. */
export async function* readStatuses(connection: Deno.Conn): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let rest = "";
  for (;;) {
    const length = await connection.read(buffer).catch(() => null);
    if (length === null) return;
    rest += decoder.decode(buffer.subarray(0, length), { stream: true });
    for (let end = rest.indexOf("\r\n\r\n"); end >= 0; end = rest.indexOf("\r\n\r\n")) {
      const answer = /^HTTP\/1\.1 (\d{3})[^]*?content-length: (\d+)/i.exec(rest.slice(0, end));
      if (answer === null) throw new Error(`Not an answer: ${rest.slice(0, end)}`);
      const next = end + 4 + Number(answer[2]);
      if (rest.length < next) break;
      rest = rest.slice(next);
      yield answer[1] ?? "";
    }
  }
}

/** Writes all bytes. */
export async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) offset += await connection.write(bytes.subarray(offset));
}
