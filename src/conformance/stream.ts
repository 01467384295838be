/**
 * Open subscription whose records are checked as they are read.
 *
 * @module
 */
import type { Fields } from "./answer.ts";
import { EventReader, formatRecord, type Received, type StreamOptions } from "./event_reader.ts";
import { expect, expectEqual, Mismatch } from "./mismatch.ts";

/** Open subscription. */
export class Stream implements AsyncDisposable {
  /** Headers of the response. */
  readonly headers: Headers;
  /** Opening of a stream of version 2, `2.base64url( salt )`; empty in version 1. */
  readonly opening: string;
  /** First event. */
  readonly first: Received;
  readonly #events: EventReader;

  private constructor(events: EventReader, { headers, opening, first }: Pick<Stream, "headers" | "opening" | "first">) {
    this.headers = headers;
    this.opening = opening;
    this.first = first;
    this.#events = events;
  }

  /**
   * Begins to read a response.
   *
   * @throws {Mismatch} if the body does not begin as a stream of that version
   */
  static async begin(response: Response, options: StreamOptions): Promise<Stream> {
    const { status, headers, body } = response;
    if (status !== 200 || body === null) throw new Mismatch(`Not a stream: HTTP ${status} ${await response.text()}`);
    const events = new EventReader(body, options);
    try {
      const opening = await events.readOpening();
      const first = await events.read("first event");
      if (first === undefined) throw new Mismatch("Stream ended before its first event");
      return new Stream(events, { headers, opening, first });
    } catch (error) {
      await events.close();
      throw error;
    }
  }

  /**
   * Waits for the next event that is not a heartbeat.
   *
   * @throws {Mismatch} if none comes, or it does not open, or is not the next one
   */
  async next(what = "event"): Promise<Received> {
    for (;;) {
      const received = await this.#events.read(what);
      if (received === undefined) throw new Mismatch(`Stream ended, expected: ${what}`);
      if (received.event["type"] !== "ping") return received;
    }
  }

  /**
   * Collects messages up to a certain one, which is left out.
   *
   * @param payload payload of that message
   * @throws {Mismatch} if another event comes, or the message does not
   */
  async messagesBefore(payload: string): Promise<Fields[]> {
    const messages: Fields[] = [];
    for (;;) {
      const { event } = await this.next(`message "${payload}"`);
      expectEqual("type of event", { seen: event["type"], expected: "message" });
      if (event["payload"] === payload) return messages;
      messages.push(event);
    }
  }

  /**
   * Waits for a heartbeat: a comment in version 1, a sealed ping in version 2.
   *
   * @param ms longest wait, in milliseconds
   * @throws {Mismatch} if none comes
   */
  async heartbeat(ms: number): Promise<void> {
    if (this.#events.version === 1) {
      const record = await this.#events.readRecord("heartbeat", ms);
      expect(record?.comment !== undefined && record.data === undefined, `No comment: ${formatRecord(record)}`);
      return;
    }
    const received = await this.#events.read("heartbeat", ms);
    expectEqual("type of event", { seen: received?.event["type"], expected: "ping" });
    expectEqual("type of its timestamp", { seen: typeof received?.event["timestamp"], expected: "number" });
  }

  /**
   * Waits for the end of the body.
   *
   * @throws {Mismatch} if something else comes
   */
  async ended(): Promise<void> {
    const received = await this.#events.read("end of the stream");
    expect(received === undefined, `Event after the last one: ${JSON.stringify(received?.event)}`);
  }

  /** Closes the stream. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#events.close();
  }
}
