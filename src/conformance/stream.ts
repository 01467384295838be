/**
 * An open subscription, checked for the rules that hold for each of its records.
 *
 * @module
 */
import { openEnvelope, parseEnvelope } from "../protocol/envelope.ts";
import type { Exchange } from "../protocol/exchange.ts";
import { StreamOpener } from "../protocol/stream_v2.ts";
import { type Fields, parseFields } from "./answer.ts";
import { type Clock, within } from "./clock.ts";
import { expect, expectEqual, Mismatch } from "./mismatch.ts";
import { RecordReader, type StreamRecord } from "./record_reader.ts";

/** Longest wait for an event that has to come, in milliseconds: a broker may take its time. */
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

/** Reads the events of a subscription. To be closed. */
export class Stream implements AsyncDisposable {
  /** Headers of the response. */
  readonly headers: Headers;
  /** What a stream of version 2 began with, `2.base64url( salt )`; empty in version 1. */
  readonly opening: string;
  /** The first event. */
  readonly first: Received;
  readonly #records: RecordReader;
  readonly #openNext: (record: StreamRecord) => Promise<string>;
  readonly #clock: Clock;

  private constructor(
    begun: Pick<Stream, "headers" | "opening" | "first">,
    parts: { readonly records: RecordReader; readonly openNext: OpenNext; readonly clock: Clock },
  ) {
    this.headers = begun.headers;
    this.opening = begun.opening;
    this.first = begun.first;
    this.#records = parts.records;
    this.#openNext = parts.openNext;
    this.#clock = parts.clock;
  }

  /**
   * Begins to read.
   *
   * @throws {Mismatch} if the body does not begin as a stream of that version
   */
  static async begin(response: Response, { exchange, clock }: StreamOptions): Promise<Stream> {
    if (response.status !== 200 || response.body === null) {
      throw new Mismatch(`No stream: HTTP ${response.status} ${await response.text()}`);
    }
    const records = new RecordReader(response.body);
    try {
      let opening = "";
      let openNext: OpenNext = (record) => openFirstVersion(exchange, record);
      if (exchange.version === 2) {
        const record = await readRecord(records, { clock, what: "first record", ms: EVENT_MS });
        expect(record?.event === "open", `First record is not "event: open": ${record?.text ?? "the end"}`);
        opening = record.data ?? "";
        const opener = await StreamOpener.begin(exchange, opening).catch(() => {
          throw new Mismatch(`Opening is not "2." and a salt of 16 bytes in base64url: ${opening}`);
        });
        openNext = ({ data = "", id = "" }) => opener.open(data, id);
      }
      const parts = { records, openNext, clock };
      const first = await readEvent(parts, { clock, what: "first event", ms: EVENT_MS });
      if (first === undefined) throw new Mismatch("Stream ended before its first event");
      return new Stream({ headers: response.headers, opening, first }, parts);
    } catch (error) {
      await records.close();
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
      const received = await readEvent(this.#parts(), { clock: this.#clock, what, ms: EVENT_MS });
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
   * @throws {Mismatch} if none comes
   */
  async signOfLife(version: 1 | 2, ms: number): Promise<void> {
    const deadline = { clock: this.#clock, what: "sign of life", ms };
    if (version === 1) {
      const record = await readRecord(this.#records, deadline);
      expect(record !== undefined && record.text.startsWith(":"), `No comment: ${record?.text ?? "the end"}`);
      return;
    }
    const received = await readEvent(this.#parts(), deadline);
    expectEqual("type of event", { seen: received?.event["type"], expected: "ping" });
    expectEqual("type of its timestamp", { seen: typeof received?.event["timestamp"], expected: "number" });
  }

  /**
   * Waits for the end of the body.
   *
   * @throws {Mismatch} if something else comes
   */
  async ended(): Promise<void> {
    const received = await readEvent(this.#parts(), { clock: this.#clock, what: "end of the stream", ms: EVENT_MS });
    expect(received === undefined, `Event after the last one: ${JSON.stringify(received?.event)}`);
  }

  /** Leaves the stream. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#records.close();
  }

  #parts() {
    return { records: this.#records, openNext: this.#openNext };
  }
}

type OpenNext = (record: StreamRecord) => Promise<string>;
type ReadOptions = Parameters<typeof within>[1];

function readRecord(records: RecordReader, deadline: ReadOptions): Promise<StreamRecord | undefined> {
  return within(records.read(), deadline);
}

async function readEvent(
  { records, openNext }: { readonly records: RecordReader; readonly openNext: OpenNext },
  deadline: ReadOptions,
): Promise<Received | undefined> {
  for (;;) {
    const record = await readRecord(records, deadline);
    if (record === undefined) return undefined;
    // A comment means nothing.
    if (record.data === undefined) continue;
    const text = await openNext(record).catch(() => {
      throw new Mismatch(`Event does not open, or is not the next one: ${record.text}`);
    });
    return { event: parseFields(text, "Event"), record };
  }
}

async function openFirstVersion({ key }: Exchange, { data = "", event, id }: StreamRecord): Promise<string> {
  if (event !== undefined || id !== undefined) throw new Mismatch("Version 1 has no event and id lines");
  return await openEnvelope(key.aead, parseEnvelope(data));
}
