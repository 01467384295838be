/**
 * Reads the sealed events of a stream, and the comments between them.
 *
 * @module
 */
import { openEnvelope, parseEnvelope } from "../protocol/v1/envelope.ts";
import type { Exchange, Version } from "../protocol/exchange.ts";
import { StreamOpener } from "../protocol/v2/stream.ts";
import { type Fields, parseFields } from "./answer.ts";
import { type Clock, within } from "./clock.ts";
import { expect, Mismatch } from "./mismatch.ts";
import { RecordReader, type StreamRecord } from "./record_reader.ts";

/** Longest wait for what has to come, in milliseconds: a broker may take its time. */
const EVENT_MS = 15_000;

/** What a stream answers. */
export interface StreamOptions {
  /** The request. */
  readonly exchange: Exchange;
  /** Where time comes from. */
  readonly clock: Clock;
}

/** An event, and how it was on the wire. */
export interface Received {
  /** What it says. */
  readonly event: Fields;
  /** How it came. */
  readonly record: StreamRecord;
}

/** Reads events one by one, and opens them in the version of the request. */
export class EventReader {
  readonly #records: RecordReader;
  readonly #exchange: Exchange;
  readonly #clock: Clock;
  /** Only in version 2, once the opening was read. */
  #opener: StreamOpener | undefined;

  /** Begins to read a body. */
  constructor(body: ReadableStream<Uint8Array>, { exchange, clock }: StreamOptions) {
    this.#records = new RecordReader(body);
    this.#exchange = exchange;
    this.#clock = clock;
  }

  /** Which version it reads. */
  get version(): Version {
    return this.#exchange.version;
  }

  /**
   * Reads what a stream begins with, before its first event.
   *
   * @returns `2.base64url( salt )`; empty in version 1, which begins with nothing
   * @throws {Mismatch} if something else comes
   */
  async readOpening(): Promise<string> {
    if (this.#exchange.version === 1) return "";
    const record = await this.readRecord("first record");
    expect(record?.event === "open", `First record is not "event: open": ${record?.text ?? "the end"}`);
    const { data = "" } = record;
    this.#opener = await StreamOpener.begin(this.#exchange, data).catch(() => {
      throw new Mismatch(`Opening is not "2." and a salt of 16 bytes in base64url: ${data}`);
    });
    return data;
  }

  /**
   * Reads the next record, comments included.
   *
   * @param what the record, in words that follow "no"
   * @param ms longest wait, in milliseconds
   * @returns the record, or undefined at the end of the body
   * @throws {Mismatch} if nothing comes
   */
  readRecord(what: string, ms = EVENT_MS): Promise<StreamRecord | undefined> {
    return within(this.#records.read(), { clock: this.#clock, what, ms });
  }

  /**
   * Reads the next event.
   *
   * @param what the event, in words that follow "no"
   * @param ms longest wait for each record, in milliseconds
   * @returns the event, or undefined at the end of the body
   * @throws {Mismatch} if nothing comes, or it does not open, or is not the next one
   */
  async read(what: string, ms = EVENT_MS): Promise<Received | undefined> {
    for (;;) {
      const record = await this.readRecord(what, ms);
      if (record === undefined) return undefined;
      // A comment means nothing.
      if (record.data === undefined) continue;
      const text = await this.#open(record).catch(() => {
        throw new Mismatch(`Event does not open, or is not the next one: ${record.text}`);
      });
      return { event: parseFields(text, "Event"), record };
    }
  }

  /** Leaves the body. */
  async close(): Promise<void> {
    await this.#records.close();
  }

  async #open({ data = "", event, id }: StreamRecord): Promise<string> {
    if (this.#opener !== undefined) return await this.#opener.open(data, id ?? "");
    if (event !== undefined || id !== undefined) throw new Mismatch("Version 1 has no event and id lines");
    return await openEnvelope(this.#exchange.key.aead, parseEnvelope(data));
  }
}
