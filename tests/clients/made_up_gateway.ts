/**
 * A gateway of which a test decides what each request gets, down to the bytes. It has a log of numbered messages, and
 * sends of it what comes after the position that a request names.
 */
import { randomBytes } from "../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../src/protocol/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import type { Position } from "../../src/protocol/event.ts";
import { withTcpServer } from "../loopback.ts";
import type { Place } from "./client_program.ts";

/** What happens to one request. The connection breaks off after it. */
export type Fate = (visit: Visit) => Promise<void>;

/** A gateway and who came to it. */
export interface MadeUpGateway extends Place {
  readonly visits: readonly Visit[];
}

/** The position right after a message of the log. */
export function positionOf(message: number): Position {
  return { epoch: "spring", offset: 10 * message };
}

/** One request, and the means to answer it. */
export class Visit {
  readonly #connection: Deno.TcpConn;
  readonly #seal: (value: unknown) => Promise<string>;
  /** The request, opened. */
  readonly request: Readonly<Record<string, unknown>>;
  /** The envelope that it came in. */
  readonly envelope: string;
  /** When it came and when it was answered last, in milliseconds of a clock that never jumps. */
  readonly came = performance.now();
  answered = 0;

  constructor(
    connection: Deno.TcpConn,
    seal: (value: unknown) => Promise<string>,
    { request, envelope }: Pick<Visit, "request" | "envelope">,
  ) {
    this.#connection = connection;
    this.#seal = seal;
    this.request = request;
    this.envelope = envelope;
  }

  /** The position that the request names. */
  get since(): Position | undefined {
    const since = this.request["since"];
    return isPosition(since) ? since : undefined;
  }

  /** Answers in plaintext. */
  async answer(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const all = { ...headers, "Content-Length": String(new TextEncoder().encode(text).length) };
    await this.#write(head(status, all) + text);
  }

  /** Begins a stream. */
  async begin(): Promise<void> {
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

  /** Makes the text of an event. */
  async event(value: unknown): Promise<string> {
    return `data: ${await this.#seal(value)}\n\n`;
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

  async #write(text: string): Promise<void> {
    let rest = new TextEncoder().encode(text);
    while (rest.length > 0) rest = rest.subarray(await this.#connection.write(rest));
    this.answered = performance.now();
  }
}

/** A message of the log. */
export function message(number: number): Record<string, unknown> {
  const payload = String(number);
  return { type: "message", topic: "home/n", payload, qos: 1, retain: false, timestamp: 1, ...positionOf(number) };
}

/** Runs a test with a gateway that treats the first request as the first fate says, and so on. */
export async function withMadeUpGateway(
  fates: readonly Fate[],
  test: (gateway: MadeUpGateway) => Promise<void>,
): Promise<void> {
  const secret = randomBytes(32);
  const key = await importKey(secret);
  const seal = (value: unknown) => sealEnvelope(key, JSON.stringify(value), randomBytes);
  const visits: Visit[] = [];
  const problems: unknown[] = [];

  async function receive(connection: Deno.TcpConn): Promise<void> {
    try {
      const envelope = await readBody(connection);
      const request = JSON.parse(await openEnvelope(key, parseEnvelope(envelope)));
      const visit = new Visit(connection, seal, { request, envelope });
      const fate = fates[visits.length];
      visits.push(visit);
      await fate?.(visit);
    } catch (error) {
      problems.push(error);
    } finally {
      connection.close();
    }
  }

  await withTcpServer(receive, async (port) => {
    await test({ url: `http://127.0.0.1:${port}`, key: secret.toHex(), visits });
    if (problems.length > 0) throw new AggregateError(problems, "Made-up gateway failed");
  });
}

async function readBody(connection: Deno.TcpConn): Promise<string> {
  let text = "";
  for (;;) {
    const [headers = "", body] = text.split("\r\n\r\n");
    const length = Number(/^content-length: *(\d+)/im.exec(headers)?.[1]);
    if (body !== undefined && body.length === length) return body;
    const buffer = new Uint8Array(4096);
    const count = await connection.read(buffer);
    if (count === null) throw new Error("Request broke off");
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
}

function head(status: number, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ ...headers, Connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Made up\r\n${lines.join("")}\r\n`;
}

function isPosition(value: unknown): value is Position {
  return typeof value === "object" && value !== null && "epoch" in value && "offset" in value;
}
