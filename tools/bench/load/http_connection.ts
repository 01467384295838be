/** HTTP/1.1 connection that is kept alive, cheap enough for a load generator. */

/** Answer of the server. */
export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

const decoder = new TextDecoder();
const HEAD_END = "\r\n\r\n";

/** Connection to a port of loopback; its answers must be ASCII and have a Content-Length. */
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
   * Sends a request and waits for its complete answer.
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
      if (length === undefined) throw new Error(`Answer has no Content-Length: "${text}"`);
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
