/** HTTP/2 connection that reads no byte of any body: its flow-control window is zero (RFC 9113, section 6.9). */

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** Frame types (RFC 9113, section 6). */
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;

const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;

const INITIAL_WINDOW_SIZE = 4;

const FRAME_HEAD_BYTES = 9;

/** Sends requests with prior knowledge of HTTP/2 and does not read the answers. */
export class UnreadHttp2 {
  /** Streams whose answer has started or was reset. */
  readonly answered = new Set<number>();
  readonly #connection: Deno.TcpConn;
  readonly #ended: Promise<void>;
  #nextStream = 1;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.#ended = this.#read();
  }

  /** Connects to a port of loopback with an initial window size of zero. */
  static async open(port: number): Promise<UnreadHttp2> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const client = new UnreadHttp2(connection);
    const noWindow = Uint8Array.of(0, INITIAL_WINDOW_SIZE, 0, 0, 0, 0);
    await client.#write(ascii(PREFACE), frame({ type: SETTINGS, payload: noWindow }));
    return client;
  }

  /** Sends a request with a body. */
  async post(path: string, body: string, from: string): Promise<void> {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    // Indexed `:method: POST` and `:scheme: http`, then literals without indexing (RFC 7541, section 6).
    const block = joined(
      Uint8Array.of(0x83, 0x86, 0x04),
      text(path),
      Uint8Array.of(0x01),
      text("g"),
      Uint8Array.of(0x00),
      text("x-forwarded-for"),
      text(from),
    );
    await this.#write(
      frame({ type: HEADERS, flags: END_HEADERS, stream, payload: block }),
      frame({ type: DATA, flags: END_STREAM, stream, payload: ascii(body) }),
    );
  }

  /** Closes it. */
  async close(): Promise<void> {
    this.#connection.close();
    await this.#ended;
  }

  async #read(): Promise<void> {
    let rest = new Uint8Array();
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const count = await this.#connection.read(buffer).catch(() => null);
      if (count === null) return;
      rest = joined(rest, buffer.subarray(0, count));
      for (;;) {
        const head = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
        if (rest.length < FRAME_HEAD_BYTES) break;
        const length = head.getUint32(0) >> 8;
        if (rest.length < FRAME_HEAD_BYTES + length) break;
        const [type, flags, stream] = [head.getUint8(3), head.getUint8(4), head.getUint32(5)];
        const payload = rest.slice(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + length);
        rest = rest.slice(FRAME_HEAD_BYTES + length);
        if (type === HEADERS || type === RST_STREAM) this.answered.add(stream);
        if (flags & ACK) continue;
        if (type === SETTINGS) await this.#write(frame({ type, flags: ACK })).catch(() => {});
        if (type === PING) await this.#write(frame({ type, flags: ACK, payload })).catch(() => {});
      }
    }
  }

  async #write(...parts: Uint8Array[]): Promise<void> {
    const bytes = joined(...parts);
    for (let sent = 0; sent < bytes.length;) sent += await this.#connection.write(bytes.subarray(sent));
  }
}

function frame({ type, flags = 0, stream = 0, payload = new Uint8Array() }: {
  readonly type: number;
  readonly flags?: number;
  readonly stream?: number;
  readonly payload?: Uint8Array;
}): Uint8Array<ArrayBuffer> {
  const head = new DataView(new ArrayBuffer(FRAME_HEAD_BYTES));
  head.setUint32(0, payload.length << 8 | type);
  head.setUint8(4, flags);
  head.setUint32(5, stream);
  return joined(new Uint8Array(head.buffer), payload);
}

/** Encodes a text of fewer than 127 characters with its length, without Huffman coding. */
function text(value: string): Uint8Array {
  return joined(Uint8Array.of(value.length), ascii(value));
}

function ascii(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
