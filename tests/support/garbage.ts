/** Bodies that no key opens, as fast as a connection takes them. */
import { randomBytes } from "../../src/protocol/bytes.ts";

/** How many requests are on their way at a time. */
const BATCH = 100;

/** Where garbage goes. */
export interface GarbageOptions {
  readonly port: number;
  /** What a proxy would say of its sender. */
  readonly forwardedFor: string;
  /** How many bytes each body decodes to. */
  readonly bytes: number;
}

/**
 * Sends garbage over one connection, many requests at a time, until told to stop; over a new one when the gateway hangs
 * up, as it does on bodies that it does not read.
 *
 * @param goOn is asked before each batch, with the number of answers so far
 * @returns how many answers came with each status
 */
export async function pourGarbage(
  { port, forwardedFor, bytes }: GarbageOptions,
  goOn: (answers: number) => boolean,
): Promise<Map<string, number>> {
  const statuses = new Map<string, number>();
  const body = randomBytes(bytes).toBase64();
  const head =
    `POST /gateway HTTP/1.1\r\nHost: g\r\nX-Forwarded-For: ${forwardedFor}\r\nContent-Length: ${body.length}`;
  const batch = new TextEncoder().encode(`${head}\r\n\r\n${body}`.repeat(BATCH));
  let answers = 0;
  while (goOn(answers)) {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    for (let isOpen = true; isOpen && goOn(answers);) {
      const wanted = answers + BATCH;
      const writing = writeAll(connection, batch).catch(() => {});
      for await (const status of readStatuses(connection)) {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        answers += 1;
        if (answers === wanted) break;
      }
      await writing;
      isOpen = answers === wanted;
    }
  }
  return statuses;
}

/** The status of each answer, until the connection ends. */
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
