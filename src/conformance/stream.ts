/**
 * An open subscription, checked for the rules that hold for each of its records.
 *
 * @module
 */
import type { Fields } from "./answer.ts";
import { EventReader, formatRecord, type Received, type StreamOptions } from "./event_reader.ts";
import { expect, expectEqual, Mismatch } from "./mismatch.ts";

/** Reads the events of a subscription. To be closed. */
export class Stream implements AsyncDisposable {
  /** Headers of the response. */
  readonly headers: Headers;
  /** What a stream of version 2 began with, `2.base64url( salt )`; empty in version 1. */
  readonly opening: string;
  /** The first event. */
  readonly first: Received;
  readonly #events: EventReader;

  private constructor(events: EventReader, { headers, opening, first }: Pick<Stream, "headers" | "opening" | "first">) {
    this.headers = headers;
    this.opening = opening;
    this.first = first;
    this.#events = events;
  }

  /**
   * Begins to read.
   *
   * @throws {Mismatch} if the body does not begin as a stream of that version
   */
  static async begin(response: Response, options: StreamOptions): Promise<Stream> {
    const { status, headers, body } = response;
    if (status !== 200 || body === null) throw new Mismatch(`No stream: HTTP ${status} ${await response.text()}`);
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
   * Waits for the next event that is no sign of life.
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
   * Collects messages up to a certain one.
   *
   * @param payload the payload of the last one, which is left out
   * @throws {Mismatch} if another event comes, or it does not come
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
   * Waits for a sign of life: a comment in version 1, a sealed ping in version 2.
   *
   * @param ms longest wait, in milliseconds
   * @throws {Mismatch} if none comes
   */
  async signOfLife(ms: number): Promise<void> {
    if (this.#events.version === 1) {
      const record = await this.#events.readRecord("sign of life", ms);
      expect(record?.comment !== undefined && record.data === undefined, `No comment: ${formatRecord(record)}`);
      return;
    }
    const received = await this.#events.read("sign of life", ms);
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

  /** Leaves the stream. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#events.close();
  }
}
