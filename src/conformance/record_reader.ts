/**
 * Reads a body of Server-Sent Events as it is on the wire, comments included.
 *
 * @module
 */

/** What stands between two empty lines. */
export interface StreamRecord {
  /** Its `event:` line. */
  readonly event?: string;
  /** Its `id:` line. */
  readonly id?: string;
  /** Its `data:` line; undefined for a comment. */
  readonly data?: string;
  /** All of it. */
  readonly text: string;
}

/** Reads records one by one. */
export class RecordReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** Begins to read a body. */
  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
  }

  /** Tells the next record, or undefined at the end of the body. What is cut off there is no record. */
  async read(): Promise<StreamRecord | undefined> {
    for (;;) {
      const end = this.#rest.indexOf("\n\n");
      if (end !== -1) {
        const text = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 2);
        return parseRecord(text);
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#rest += this.#decoder.decode(value, { stream: true }).replaceAll("\r", "");
    }
  }

  /** Leaves the body. A read that waits ends. */
  async close(): Promise<void> {
    // It may have broken off by itself.
    await this.#reader.cancel().catch(() => {});
  }
}

function parseRecord(text: string): StreamRecord {
  const fields = text.split("\n").filter((line) => !line.startsWith(":")).map((line) => {
    const [, name = line, value = ""] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
    return [name, value] as const;
  });
  return { ...Object.fromEntries(fields), text };
}
