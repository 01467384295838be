/** Request to a fake gateway, which answers it in its version of the protocol. */
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { Position } from "../../src/protocol/event.ts";
import { type Exchange, sealAnswer } from "../../src/protocol/exchange.ts";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import { StreamSealer } from "../../src/protocol/v2/stream.ts";

/** Opened request. */
export interface Received {
  readonly route: Route;
  readonly fields: Readonly<Record<string, unknown>>;
  /** JSON text of the fields. */
  readonly json: string;
  /** Envelope. */
  readonly envelope: string;
  readonly exchange: Exchange;
}

/** Fields of an answer besides its body. */
export interface ReplyOptions {
  readonly status?: number;
  readonly timestamp?: number;
  /** Source of the answer. */
  readonly source?: "gateway";
  /** Service that answers. */
  readonly service?: string;
  /** Further members. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** Returns the position of a message in the history. */
export function positionOf(message: number): Position {
  return { epoch: "spring", offset: 10 * message };
}

/** Returns a message of the history. */
export function message(number: number): Record<string, unknown> {
  const payload = String(number);
  return { type: "message", topic: "home/n", payload, qos: 1, retain: false, timestamp: 1, ...positionOf(number) };
}

/** Request, which the test answers. */
export class ClientRequest {
  readonly #connection: Deno.TcpConn;
  #stream: StreamSealer | undefined;
  readonly route: Route;
  /** Fields of the request. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** JSON text of the fields. */
  readonly json: string;
  /** Envelope. */
  readonly envelope: string;
  /** Seals the answer. */
  readonly exchange: Exchange;
  /** Times of the request and of its last answer, in milliseconds of a monotonic clock. */
  readonly receivedAt = performance.now();
  answeredAt = 0;

  constructor(connection: Deno.TcpConn, { route, fields, json, envelope, exchange }: Received) {
    this.#connection = connection;
    this.route = route;
    this.exchange = exchange;
    this.fields = fields;
    this.json = json;
    this.envelope = envelope;
  }

  /** Version of the protocol. */
  get version(): 1 | 2 {
    return this.exchange.version;
  }

  /** Nonce or salt, encoded, which must never be reused. */
  get unique(): string {
    return this.version === 1 ? this.envelope.slice(0, 16) : this.envelope.slice(19, 19 + 21);
  }

  /** Position in the request. */
  get since(): Position | undefined {
    const since = this.fields["since"];
    return isPosition(since) ? since : undefined;
  }

  /** Answers in plaintext. */
  async answer(status: number, text: string, headers?: Readonly<Record<string, string>>): Promise<void> {
    await this.#write(plainAnswer(status, text, headers));
  }

  /** Returns the sealed text of an answer. */
  sealed(value: unknown): Promise<string> {
    return this.sealedText(JSON.stringify(value));
  }

  /** Returns the sealed text of an answer from its JSON text. */
  sealedText(json: string): Promise<string> {
    return sealAnswer(this.exchange, json, randomBytes);
  }

  /** Answers as a service. */
  async reply(body: unknown, { members, ...options }: ReplyOptions = {}): Promise<void> {
    const answer = { status: 200, timestamp: Date.now() / 1000, ...options, ...members, body };
    await this.answer(200, await this.sealed(answer));
  }

  /** Answers with a body in JSON text, which JavaScript may not be able to write. */
  async replyText(json: string, status = 200): Promise<void> {
    await this.answer(200, await this.sealedText(`{"status":${status},"timestamp":1,"body":${json}}`));
  }

  /** Begins a stream; the name of its first event is `open` in version 2. */
  async begin(name = "open"): Promise<void> {
    await this.beginRaw();
    if (this.exchange.version === 1) return;
    this.#stream = await StreamSealer.begin(this.exchange, randomBytes);
    await this.chunk(`event: ${name}\ndata: ${this.#stream.opening}\n\n`);
  }

  /** Begins a stream without an opening. */
  async beginRaw(): Promise<void> {
    await this.#write(head(200, { "Content-Type": "text/event-stream", "Transfer-Encoding": "chunked" }));
  }

  /** Sends a chunk of a stream. */
  async chunk(text: string): Promise<void> {
    await this.#write(`${new TextEncoder().encode(text).length.toString(16)}\r\n${text}\r\n`);
  }

  /** Ends a stream regularly for HTTP. */
  async end(): Promise<void> {
    await this.#write("0\r\n\r\n");
  }

  /** Returns the sealed text of the next event. */
  async event(value: unknown): Promise<string> {
    if (this.#stream === undefined) return `data: ${await this.sealed(value)}\n\n`;
    const { n, text } = this.#stream.seal(JSON.stringify(value));
    return `id: ${n}\ndata: ${await text}\n\n`;
  }

  /** Sends events. */
  async send(...values: readonly unknown[]): Promise<void> {
    for (const value of values) await this.chunk(await this.event(value));
  }

  /** Begins a stream with `connected`. */
  async connect(): Promise<void> {
    await this.begin();
    const position = this.since ?? positionOf(0);
    await this.send({ type: "connected", topic: "#", topics: ["#"], message: "Connected", ...position });
  }

  /** Begins a stream with `connected`, and sends the messages after the position of the request. */
  async serve(last: number): Promise<void> {
    await this.connect();
    const { offset } = this.since ?? positionOf(0);
    for (let number = 1; number <= last; number += 1) {
      if (positionOf(number).offset > offset) await this.send(message(number));
    }
  }

  /** Waits until the client has closed the connection. */
  async closed(): Promise<void> {
    try {
      while (await this.#connection.read(new Uint8Array(1024)) !== null);
    } catch {
      // Reset, or the test is over.
    }
  }

  /** Calls a function repeatedly, after that many milliseconds each, until the client has closed the connection. */
  async untilClosed(act: () => Promise<void>, everyMs: number): Promise<void> {
    let isOpen = true;
    const closed = this.closed().then(() => isOpen = false);
    while (isOpen) {
      await act().catch(() => isOpen = false);
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, everyMs);
      await Promise.race([promise, closed]);
      clearTimeout(timer);
    }
    await closed;
  }

  async #write(text: string): Promise<void> {
    // Before the write: the client reacts after it.
    this.answeredAt = performance.now();
    let rest = new TextEncoder().encode(text);
    while (rest.length > 0) rest = rest.subarray(await this.#connection.write(rest));
  }
}

/** Returns a whole HTTP response in plaintext. */
export function plainAnswer(status: number, text: string, headers: Readonly<Record<string, string>> = {}): string {
  return head(status, { ...headers, "Content-Length": String(new TextEncoder().encode(text).length) }) + text;
}

function head(status: number, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ ...headers, Connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Fake\r\n${lines.join("")}\r\n`;
}

function isPosition(value: unknown): value is Position {
  return typeof value === "object" && value !== null && "epoch" in value && "offset" in value;
}
