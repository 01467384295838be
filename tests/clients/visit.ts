/** One request at a made-up gateway, and the means to answer it, in the version that it came in. */
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { Position } from "../../src/protocol/event.ts";
import { type Exchange, sealAnswer } from "../../src/protocol/exchange.ts";
import { StreamSealer } from "../../src/protocol/v2/stream.ts";

/** A request that came, opened. */
export interface Received {
  readonly request: Readonly<Record<string, unknown>>;
  /** Its JSON text. */
  readonly json: string;
  /** The text that it came in. */
  readonly envelope: string;
  readonly exchange: Exchange;
}

/** What an answer says besides its body. */
export interface ReplyOptions {
  readonly status?: number;
  readonly timestamp?: number;
  /** Who answers. */
  readonly source?: "gateway";
  /** The service that answers. */
  readonly service?: string;
}

/** The position right after a message of the log. */
export function positionOf(message: number): Position {
  return { epoch: "spring", offset: 10 * message };
}

/** A message of the log. */
export function message(number: number): Record<string, unknown> {
  const payload = String(number);
  return { type: "message", topic: "home/n", payload, qos: 1, retain: false, timestamp: 1, ...positionOf(number) };
}

/** One request, and the means to answer it. */
export class Visit {
  readonly #connection: Deno.TcpConn;
  readonly #exchange: Exchange;
  #stream: StreamSealer | undefined;
  /** The request, opened. */
  readonly request: Readonly<Record<string, unknown>>;
  /** Its JSON text. */
  readonly json: string;
  /** The text that it came in. */
  readonly envelope: string;
  /** When it came and when it was answered last, in milliseconds of a clock that never jumps. */
  readonly came = performance.now();
  answered = 0;

  constructor(connection: Deno.TcpConn, { request, json, envelope, exchange }: Received) {
    this.#connection = connection;
    this.#exchange = exchange;
    this.request = request;
    this.json = json;
    this.envelope = envelope;
  }

  /** The version that it came in. */
  get version(): 1 | 2 {
    return this.#exchange.version;
  }

  /** What must never come twice: nonce or salt, as they are written. */
  get unique(): string {
    return this.version === 1 ? this.envelope.slice(0, 16) : this.envelope.slice(19, 19 + 21);
  }

  /** The position that the request names. */
  get since(): Position | undefined {
    const since = this.request["since"];
    return isPosition(since) ? since : undefined;
  }

  /** Answers in plaintext. */
  async answer(status: number, text: string, headers?: Readonly<Record<string, string>>): Promise<void> {
    await this.#write(plainAnswer(status, text, headers));
  }

  /** Makes the text of an answer. */
  sealed(value: unknown): Promise<string> {
    return this.sealedText(JSON.stringify(value));
  }

  /** Makes the text of an answer from its JSON text. */
  sealedText(json: string): Promise<string> {
    return sealAnswer(this.#exchange, json, randomBytes);
  }

  /** Answers in the way of a service. */
  async reply(body: unknown, options: ReplyOptions = {}): Promise<void> {
    await this.answer(200, await this.sealed({ status: 200, timestamp: Date.now() / 1000, ...options, body }));
  }

  /** Answers with a body in JSON text, which need not be what JavaScript can write. */
  async replyText(json: string, status = 200): Promise<void> {
    await this.answer(200, await this.sealedText(`{"status":${status},"timestamp":1,"body":${json}}`));
  }

  /** Begins a stream; the name of its first event is `open` in version 2. */
  async begin(name = "open"): Promise<void> {
    await this.beginRaw();
    if (this.#exchange.version === 1) return;
    this.#stream = await StreamSealer.begin(this.#exchange, randomBytes);
    await this.piece(`event: ${name}\ndata: ${this.#stream.opening}\n\n`);
  }

  /** Begins a stream without what version 2 begins with. */
  async beginRaw(): Promise<void> {
    await this.#write(head(200, { "Content-Type": "text/event-stream", "Transfer-Encoding": "chunked" }));
  }

  /** Sends a piece of a stream. */
  async piece(text: string): Promise<void> {
    await this.#write(`${new TextEncoder().encode(text).length.toString(16)}\r\n${text}\r\n`);
  }

  /** Ends a stream in the way of HTTP, so that it does not look broken off. */
  async end(): Promise<void> {
    await this.#write("0\r\n\r\n");
  }

  /** Makes the text of the next event. */
  async event(value: unknown): Promise<string> {
    if (this.#stream === undefined) return `data: ${await this.sealed(value)}\n\n`;
    const { n, text } = this.#stream.seal(JSON.stringify(value));
    return `id: ${n}\ndata: ${await text}\n\n`;
  }

  /** Sends events. */
  async send(...values: readonly unknown[]): Promise<void> {
    for (const value of values) await this.piece(await this.event(value));
  }

  /** Begins a stream with `connected`. */
  async connect(): Promise<void> {
    await this.begin();
    const position = this.since ?? positionOf(0);
    await this.send({ type: "connected", topic: "#", topics: ["#"], message: "Connected", ...position });
  }

  /** Begins a stream with `connected`, and sends the messages that the listener misses. */
  async serve(last: number): Promise<void> {
    await this.connect();
    const { offset } = this.since ?? positionOf(0);
    for (let number = 1; number <= last; number += 1) {
      if (positionOf(number).offset > offset) await this.send(message(number));
    }
  }

  /** Waits until the client has closed the connection. */
  async left(): Promise<void> {
    try {
      while (await this.#connection.read(new Uint8Array(1024)) !== null);
    } catch {
      // Reset, or the test is over.
    }
  }

  /** Calls a function again and again, after that many milliseconds each, until the client has closed the connection. */
  async untilLeft(act: () => Promise<void>, everyMs: number): Promise<void> {
    let isThere = true;
    const left = this.left().then(() => isThere = false);
    while (isThere) {
      await act().catch(() => isThere = false);
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, everyMs);
      await Promise.race([promise, left]);
      clearTimeout(timer);
    }
    await left;
  }

  async #write(text: string): Promise<void> {
    // Before it is written: whatever the client does about it comes later.
    this.answered = performance.now();
    let rest = new TextEncoder().encode(text);
    while (rest.length > 0) rest = rest.subarray(await this.#connection.write(rest));
  }
}

/** Makes all of an answer in plaintext. */
export function plainAnswer(status: number, text: string, headers: Readonly<Record<string, string>> = {}): string {
  return head(status, { ...headers, "Content-Length": String(new TextEncoder().encode(text).length) }) + text;
}

function head(status: number, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ ...headers, Connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Made up\r\n${lines.join("")}\r\n`;
}

function isPosition(value: unknown): value is Position {
  return typeof value === "object" && value !== null && "epoch" in value && "offset" in value;
}
