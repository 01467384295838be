/**
 * Helper process with any number of listeners at the gateway, all with one key. During the measurement, sealed records are
 * only kept with their time; afterwards they are opened and all streams are checked.
 */
import { errorText } from "../../../src/lib/errors.ts";
import type { Position, StreamEvent } from "../../../src/protocol/event.ts";
import { randomBytes } from "../../../src/protocol/bytes.ts";
import { sealRequest, type Version } from "../../../src/protocol/exchange.ts";
import { importSecretKey, parseKey, type SecretKey } from "../../../src/protocol/secret_key.ts";
import { postBytes } from "../../../tests/support/raw_request.ts";
import { forEachConcurrent } from "../../support/concurrency.ts";
import { answerCommands } from "../../support/helper_process.ts";
import { DeliveryCounter, type DeliveryCounts, parsePayload, preciseNow, TOPIC, untilDelivered } from "./deliveries.ts";
import { CONNECTING_LIMIT, StreamConnection } from "./stream_connection.ts";
import { type OpenRecord, recordOpener } from "./stream_opener.ts";

/** Deliveries of one run to all listeners. */
export interface ListenerCounts extends DeliveryCounts {
  /** Streams that were ended because their listener was too slow, and were resumed. */
  readonly resumed: number;
  /** Gap events of resumed streams. */
  readonly gaps: number;
  /** Streams that ended and were not resumed, by their last event. */
  readonly ends: Readonly<Record<string, number>>;
}

/** Streams to open. */
export interface OpenOptions {
  readonly port: number;
  readonly key: string;
  readonly count: number;
  /** Version of the protocol; in version 2 with batches. 1 when absent. */
  readonly version?: Version;
}

/** Record, and the time of its receipt. */
interface Received {
  readonly record: string;
  readonly at: number;
}

interface Listener {
  stream: StreamConnection | undefined;
  /** Records that are yet to be opened. */
  records: Received[];
  /** Opened events, after `connected`. */
  events: { readonly event: StreamEvent; readonly at: number }[];
  open: OpenRecord;
  /** Settles when all records that were to be opened are opened. */
  opening: Promise<void>;
  end: string | undefined;
}

/** Listeners whose records are opened at a time. */
const OPENING_LIMIT = 64;

/** Shortest wait of clients before their first attempt to resume, in milliseconds; the longest is twice that. */
const MIN_WAIT_MS = 250;

function createListeners() {
  /** Opened records that are the same for all listeners. */
  const opened = new Map<string, Promise<StreamEvent[]>>();
  let listeners: Listener[] = [];
  let target: { readonly port: number; readonly key: SecretKey; readonly version: Version } | undefined;
  let closing = false;
  let resumed = 0;
  let received = 0;

  function current() {
    if (target === undefined) throw new Error("No listeners are open");
    return target;
  }

  /** Opens what a listener received, in order. */
  function openRecords(listener: Listener): Promise<void> {
    return listener.opening = listener.opening.then(async () => {
      const { records, open } = listener;
      listener.records = [];
      for (const { record, at } of records) {
        for (const event of await open(record)) listener.events.push({ event, at });
      }
    });
  }

  /** Opens a stream and waits for its first event. */
  async function listen(listener: Listener, since?: Position): Promise<void> {
    const { port, key, version } = current();
    const request = {
      topics: [TOPIC],
      qos: 1,
      batch: true,
      timestamp: Date.now() / 1000,
      ...(since === undefined ? {} : { since }),
    };
    const options = { version, route: "/mqtt/subscribe", random: randomBytes } as const;
    const { text, exchange } = await sealRequest(key, JSON.stringify(request), options);
    const first = Promise.withResolvers<void>();
    // In version 2 the record that opens the stream comes before the first event.
    let left = version;
    listener.open = recordOpener(exchange, opened);
    listener.stream = await StreamConnection.open(port, postBytes("/mqtt/subscribe", text), {
      onHead() {},
      onRecord(record) {
        received += 1;
        listener.records.push({ record, at: preciseNow() });
        if (left-- === 1) first.resolve();
      },
      onEnd(error) {
        first.reject(error ?? new Error("Stream ended without an event"));
        if (!closing && left < 1) resume(listener, error);
      },
    });
    await first.promise;
    await openRecords(listener);
    const [begin] = listener.events.splice(since === undefined ? 0 : -1);
    if (begin?.event.type !== "connected") throw new Error(`Stream did not begin: ${JSON.stringify(begin)}`);
  }

  /** Resumes after the wait of clients, if the last event offers it. */
  async function resume(listener: Listener, error: Error | undefined): Promise<void> {
    try {
      await openRecords(listener);
      // It is not a message, and only messages are waited for.
      const event = listener.events.pop()?.event;
      if (event?.type === "error" && event.resume !== undefined) {
        resumed += 1;
        await new Promise((resolve) => setTimeout(resolve, (1 + Math.random()) * MIN_WAIT_MS));
        await listen(listener, event.resume);
      } else listener.end = error?.message ?? JSON.stringify(event);
    } catch (error) {
      listener.end = `Not resumed: ${errorText(error)}`;
    }
  }

  /** Opens all streams; returns the milliseconds until the last `connected`. */
  async function open({ port, key, count, version = 1 }: OpenOptions): Promise<number> {
    const secret = parseKey(key);
    if (secret === undefined) throw new Error("Key must be 64 hexadecimal characters");
    target = { port, key: await importSecretKey(secret), version };
    closing = false;
    const notOpen = () => Promise.reject(new Error("Stream is not open"));
    listeners = Array.from({ length: count }, (): Listener => (
      { stream: undefined, records: [], events: [], open: notOpen, opening: Promise.resolve(), end: undefined }
    ));
    const began = performance.now();
    await forEachConcurrent(listeners, CONNECTING_LIMIT, (listener) => listen(listener));
    return performance.now() - began;
  }

  /** Discards all events so far. */
  async function begin(): Promise<void> {
    await forEachConcurrent(listeners, OPENING_LIMIT, openRecords);
    opened.clear();
    resumed = 0;
    for (const listener of listeners) listener.events = [];
  }

  /** Waits for the last event, opens all events, and checks each stream. */
  async function collect(run: { readonly run: number; readonly events: number }): Promise<ListenerCounts> {
    await untilDelivered({
      async isComplete() {
        await forEachConcurrent(listeners, OPENING_LIMIT, openRecords);
        return listeners.every(({ events, end }) => end !== undefined || events.length >= run.events);
      },
      count: () => received,
    });
    const counter = new DeliveryCounter(run);
    const ends: Record<string, number> = {};
    let gaps = 0;
    for (const { events, end } of listeners) {
      const receive = counter.addReceiver();
      for (const { event, at } of events) {
        if (event.type === "message") receive(parsePayload(event.payload ?? ""), at);
        else if (event.type === "gap") gaps += 1;
      }
      if (end !== undefined) ends[end] = (ends[end] ?? 0) + 1;
    }
    return { ...counter.counts(), resumed, gaps, ends };
  }

  function close(): void {
    closing = true;
    for (const { stream } of listeners) stream?.close();
    listeners = [];
    opened.clear();
  }

  return { open, begin, collect, close };
}

await answerCommands(createListeners());
