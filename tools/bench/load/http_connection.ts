/** One HTTP/1.1 connection that is kept alive, with no more work than a load generator can afford. */

/** What came back. */
export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

const decoder = new TextDecoder();
const HEAD_END = "\r\n\r\n";

/** Puts a request together, ready to be sent. */
export function requestBytes(path: string, body: string): Uint8Array<ArrayBuffer> {
  const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n`;
  return new TextEncoder().encode(`${head}Content-Length: ${new TextEncoder().encode(body).length}${HEAD_END}${body}`);
}

/** A connection to a port of loopback; its answers must be ASCII and say how long they are. */
export class HttpConnection {
  readonly #buffer = new Uint8Array(64 * 1024);

  private constructor(readonly connection: Deno.TcpConn) {}

  /** Connects. */
  static async open(port: number): Promise<HttpConnection> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay(true);
    return new HttpConnection(connection);
  }

  /**
   * Sends a request and waits for its whole answer.
   *
   * @throws {Error} if the connection ends, or the answer has another form
   */
  async exchange(request: Uint8Array): Promise<HttpAnswer> {
    for (let sent = 0; sent < request.length;) sent += await this.connection.write(request.subarray(sent));
    let text = "";
    let end = Infinity;
    let body = 0;
    while (text.length < end) {
      const count = await this.connection.read(this.#buffer);
      if (count === null) throw new Error(`Connection ended within an answer: "${text}"`);
      text += decoder.decode(this.#buffer.subarray(0, count));
      if (end !== Infinity) continue;
      const headEnd = text.indexOf(HEAD_END);
      if (headEnd < 0) continue;
      const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, headEnd))?.[1];
      if (length === undefined) throw new Error(`Answer does not say how long it is: "${text}"`);
      body = headEnd + HEAD_END.length;
      end = body + Number(length);
    }
    return { status: Number(text.slice(9, 12)), text: text.slice(body) };
  }

  /** Closes it. */
  close(): void {
    this.connection.close();
  }
}
