/** Raw HTTP/1.1 connection for Server-Sent Events, cheap enough to open a thousand of them. */
import { splitRecords } from "../../support/sse_records.ts";

/** Most connections that are opened at a time: fewer than the listen backlog of a server. */
export const CONNECTING_LIMIT = 64;

/** Handlers of what the connection receives. */
export interface StreamHandlers {
  /** Called when the head of the answer has arrived with status 200. */
  onHead(): void;
  /** Called with each record that is no comment. */
  onRecord(record: string): void;
  /** Called at the end of the stream; with an error if it broke off or was malformed. */
  onEnd(error?: Error): void;
}

const decoder = new TextDecoder();

/** Stream of events; everything received must be ASCII, in chunks. */
export class StreamConnection {
  #text = "";
  #events = "";
  #hasHead = false;

  private constructor(readonly connection: Deno.TcpConn, readonly handlers: StreamHandlers) {}

  /** Connects to a port of loopback, sends the request, and reads until the end. */
  static async open(port: number, request: Uint8Array, handlers: StreamHandlers): Promise<StreamConnection> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const stream = new StreamConnection(connection, handlers);
    for (let sent = 0; sent < request.length;) sent += await connection.write(request.subarray(sent));
    stream.#read();
    return stream;
  }

  /** Closes it; `onEnd` is called. */
  close(): void {
    try {
      this.connection.close();
    } catch {
      // It is already closed.
    }
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(16 * 1024);
    try {
      for (let isOver = false; !isOver;) {
        const count = await this.connection.read(buffer);
        if (count === null) throw new Error("Stream broke off");
        this.#text += decoder.decode(buffer.subarray(0, count));
        isOver = (this.#hasHead || this.#takeHead()) && this.#takeChunks();
      }
      this.handlers.onEnd();
    } catch (error) {
      this.handlers.onEnd(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.close();
    }
  }

  #takeHead(): boolean {
    const end = this.#text.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const head = this.#text.slice(0, end);
    if (!head.startsWith("HTTP/1.1 200 ") || !/^transfer-encoding: chunked$/im.test(head)) {
      throw new Error(`Not a stream: "${this.#text}"`);
    }
    this.#text = this.#text.slice(end + 4);
    this.#hasHead = true;
    this.handlers.onHead();
    return true;
  }

  /** Processes the complete chunks; returns true once the last one was among them. */
  #takeChunks(): boolean {
    let from = 0;
    try {
      for (;;) {
        const lineEnd = this.#text.indexOf("\r\n", from);
        if (lineEnd < 0) return false;
        const size = parseInt(this.#text.slice(from, lineEnd), 16);
        if (!(size >= 0)) throw new Error(`Not a chunk: "${this.#text.slice(from, lineEnd)}"`);
        if (size === 0) return true;
        const begin = lineEnd + 2;
        if (this.#text.length < begin + size + 2) return false;
        this.#takeEvents(this.#text.slice(begin, begin + size));
        from = begin + size + 2;
      }
    } finally {
      this.#text = this.#text.slice(from);
    }
  }

  #takeEvents(text: string): void {
    const { records, rest } = splitRecords(this.#events + text);
    this.#events = rest;
    for (const record of records) {
      if (!record.startsWith(":")) this.handlers.onRecord(record);
    }
  }
}
