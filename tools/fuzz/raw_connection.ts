/** Connection that sends arbitrary bytes and reads HTTP/1.1 answers. */
import { recordData } from "../support/sse_records.ts";

/** Received answer. */
export interface RawAnswer {
  /** HTTP status. */
  readonly status: number;
  /** Header values by name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Body; the first events of a stream. */
  readonly body: string;
  /** True if the connection can be used for further answers. */
  readonly isOpen: boolean;
}

/** Form of the expected answer. */
export interface ExpectedAnswer {
  /** True if it has no body. */
  readonly headOnly?: boolean | undefined;
  /** Number of events to read from a stream; 1 by default. */
  readonly events?: number | undefined;
}

const latin1 = new TextDecoder("latin1");

/** Connection to a port of loopback. */
export class RawConnection {
  readonly #buffer = new Uint8Array(64 * 1024);
  #text = "";

  private constructor(readonly connection: Deno.TcpConn) {}

  /** Connects. */
  static async open(port: number): Promise<RawConnection> {
    return new RawConnection(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Sends bytes; ignores that the gateway closes the connection meanwhile. */
  async send(bytes: Uint8Array): Promise<void> {
    try {
      for (let sent = 0; sent < bytes.length;) sent += await this.connection.write(bytes.subarray(sent));
    } catch {
      // The answer may have arrived nevertheless.
    }
  }

  /**
   * Reads an answer.
   *
   * @param ms timeout for the complete answer
   * @param expected form of the answer
   * @returns undefined if the connection ended before the answer
   * @throws {Error} after the timeout, which closes the connection, or if the answer is malformed
   */
  async read(ms: number, expected: ExpectedAnswer = {}): Promise<RawAnswer | undefined> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.close();
    }, ms);
    try {
      const answer = await this.#answer(expected);
      if (late) throw new Error(`No answer within ${ms} ms`);
      return answer;
    } catch (error) {
      throw late ? new Error(`No answer within ${ms} ms`) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes it. */
  close(): void {
    try {
      this.connection.close();
    } catch {
      // It is already closed.
    }
  }

  async #answer({ headOnly = false, events = 1 }: ExpectedAnswer): Promise<RawAnswer | undefined> {
    let end = await this.#find("\r\n\r\n", 0);
    while (end >= 0 && /^HTTP\/1\.1 1\d\d /.test(this.#text)) {
      this.#text = this.#text.slice(end + 4);
      end = await this.#find("\r\n\r\n", 0);
    }
    if (end < 0) {
      if (this.#text === "") return undefined;
      throw new Error(`Not an answer: ${JSON.stringify(this.#text.slice(0, 200))}`);
    }
    const [first = "", ...lines] = this.#text.slice(0, end).split("\r\n");
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1]);
    if (!(status >= 200)) throw new Error(`Not an answer: ${JSON.stringify(first)}`);
    const headers = new Map(lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    const begin = end + 4;
    const length = Number(headers.get("content-length") ?? 0);
    const isStream = headers.get("content-type") === "text/event-stream";
    let body = "";
    if (headOnly || status === 204 || status === 304) this.#text = this.#text.slice(begin);
    else if (isStream) body = await this.#chunks(begin, (text) => hasEvents(text, events));
    else if (headers.get("transfer-encoding") === "chunked") body = await this.#chunks(begin);
    else {
      while (this.#text.length < begin + length && await this.#more());
      body = this.#text.slice(begin, begin + length);
      if (body.length < length) throw new Error(`Answer ${status} broke off`);
      this.#text = this.#text.slice(begin + length);
    }
    return { status, headers, body, isOpen: !isStream && headers.get("connection") !== "close" };
  }

  /** Reads chunks until the last one, or until the body is sufficient. */
  async #chunks(begin: number, isSufficient: (body: string) => boolean = () => false): Promise<string> {
    let body = "";
    for (let at = begin;;) {
      const line = await this.#find("\r\n", at);
      const size = parseInt(this.#text.slice(at, line), 16);
      if (line < 0 || !(size >= 0)) throw new Error("Answer broke off within its chunks");
      while (this.#text.length < line + size + 4 && await this.#more());
      body += this.#text.slice(line + 2, line + 2 + size);
      at = line + size + 4;
      if (size > 0 && !isSufficient(body)) continue;
      this.#text = this.#text.slice(at);
      return body;
    }
  }

  async #find(what: string, from: number): Promise<number> {
    for (;;) {
      const at = this.#text.indexOf(what, from);
      if (at >= 0 || !await this.#more()) return at;
    }
  }

  async #more(): Promise<boolean> {
    const count = await this.connection.read(this.#buffer).catch(() => null);
    if (count === null) return false;
    this.#text += latin1.decode(this.#buffer.subarray(0, count));
    return true;
  }
}

/** Returns whether a body has so many events; in version 2, the opening record precedes them. */
function hasEvents(body: string, count: number): boolean {
  return recordData(body).length >= count + (body.includes("event: open\n") ? 1 : 0);
}
