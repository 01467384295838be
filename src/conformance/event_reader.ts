/**
 * Reader of the sealed events of a stream, and of the comments between them.
 *
 * @module
 */
import { withDeadline } from "../lib/async.ts";
import type { Clock } from "../lib/clock.ts";
import { readChunks } from "../lib/read_bytes.ts";
import { readServerSentEvents, type ServerSentEvent } from "../lib/sse.ts";
import { type Exchange, openAnswer, type Version } from "../protocol/exchange.ts";
import { StreamOpener } from "../protocol/v2/stream.ts";
import { type Fields, parseFields } from "./answer.ts";
import { expect, Mismatch } from "./mismatch.ts";

/** Longest wait for an event that must come, in milliseconds: a broker may be slow. */
const EVENT_MS = 15_000;

/** Request that a stream answers, and the clock of its deadlines. */
export interface StreamOptions {
  /** Opens the events. */
  readonly exchange: Exchange;
  /** Measures deadlines. */
  readonly clock: Pick<Clock, "after">;
}

/** Event, opened and as it came. */
export interface Received {
  /** The opened event. */
  readonly event: Fields;
  /** The event on the wire. */
  readonly record: ServerSentEvent;
}

/** Reads events one by one, and opens them in the version of the request. */
export class EventReader {
  readonly #records: AsyncGenerator<ServerSentEvent, void>;
  readonly #closed = new AbortController();
  readonly #exchange: Exchange;
  readonly #clock: Pick<Clock, "after">;
  /** Only in version 2, once the opening was read. */
  #opener: StreamOpener | undefined;

  /** Begins to read a body. */
  constructor(body: ReadableStream<Uint8Array>, { exchange, clock }: StreamOptions) {
    this.#records = readServerSentEvents(readChunks(body, this.#closed.signal));
    this.#exchange = exchange;
    this.#clock = clock;
  }

  /** Version of the protocol. */
  get version(): Version {
    return this.#exchange.version;
  }

  /**
   * Reads the record before the first event.
   *
   * @returns `2.base64url( salt )`; empty in version 1, which has no such record
   * @throws {Mismatch} if something else comes
   */
  async readOpening(): Promise<string> {
    if (this.#exchange.version === 1) return "";
    const record = await this.readRecord("first record");
    expect(record?.event === "open", `First record is not "event: open": ${formatRecord(record)}`);
    const { data = "" } = record;
    this.#opener = await StreamOpener.begin(this.#exchange, data).catch(() => {
      throw new Mismatch(`Opening is not "2." and a salt of 16 bytes in base64url: ${data}`);
    });
    return data;
  }

  /**
   * Reads the next record, comments included.
   *
   * @param what name of the record, which follows "No" in the message
   * @param ms longest wait, in milliseconds
   * @returns the record, or undefined at the end of the body
   * @throws {Mismatch} if nothing comes
   */
  async readRecord(what: string, ms = EVENT_MS): Promise<ServerSentEvent | undefined> {
    const { value } = await withDeadline(() => this.#records.next(), {
      clock: this.#clock,
      timeout: ms,
      timeoutError: () => new Mismatch(`No ${what} within ${ms / 1000} s`),
    });
    return value ?? undefined;
  }

  /**
   * Reads the next event.
   *
   * @param what name of the event, which follows "No" in the message
   * @param ms longest wait for each record, in milliseconds
   * @returns the event, or undefined at the end of the body
   * @throws {Mismatch} if nothing comes, or it does not open, or is not the next one
   */
  async read(what: string, ms = EVENT_MS): Promise<Received | undefined> {
    for (;;) {
      const record = await this.readRecord(what, ms);
      if (record === undefined) return undefined;
      // Comments carry nothing.
      if (record.data === undefined) continue;
      const text = await this.#open(record).catch(() => {
        throw new Mismatch(`Event does not open, or is not the next one: ${formatRecord(record)}`);
      });
      return { event: parseFields(text, "Event"), record };
    }
  }

  /** Cancels the body. */
  async close(): Promise<void> {
    this.#closed.abort();
    // The body may have failed before.
    await this.#records.return().catch(() => {});
  }

  async #open({ data = "", event, id }: ServerSentEvent): Promise<string> {
    if (this.#opener !== undefined) return await this.#opener.open(data, id ?? "");
    if (event !== undefined || id !== undefined) throw new Mismatch("Version 1 has no event and id lines");
    return await openAnswer(this.#exchange, data);
  }
}

/** Formats a record for a message; undefined stands for the end of the body. */
export function formatRecord(record: ServerSentEvent | undefined): string {
  return record === undefined ? "the end" : JSON.stringify(record);
}
