/**
 * Helper process with any number of listeners at the gateway, all with one key. During the measurement, sealed events
 * are only recorded with their time; afterwards every distinct event is opened once and all streams are checked.
 */
import { errorText } from "../../../src/lib/errors.ts";
import type { Position, StreamEvent } from "../../../src/protocol/event.ts";
import type { Aead } from "../../../src/protocol/aead.ts";
import { randomBytes } from "../../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../../src/protocol/v1/envelope.ts";
import { importKey, parseKey } from "../../../src/protocol/secret_key.ts";
import { postBytes } from "../../../tests/support/raw_request.ts";
import { forEachConcurrent } from "../../support/concurrency.ts";
import { answerCommands } from "../../support/helper_process.ts";
import { DeliveryCounter, type DeliveryCounts, parsePayload, preciseNow, TOPIC, untilDelivered } from "./deliveries.ts";
import { CONNECTING_LIMIT, StreamConnection } from "./stream_connection.ts";

/** Deliveries of one run to all listeners. */
export interface ListenerCounts extends DeliveryCounts {
  /** Streams that were ended because their listener was too slow, and were resumed. */
  readonly resumed: number;
  /** Gap events of resumed streams. */
  readonly gaps: number;
  /** Streams that ended and were not resumed, by their last event. */
  readonly ends: Readonly<Record<string, number>>;
}

interface Listener {
  stream: StreamConnection | undefined;
  /** Events after `connected`: index among the distinct ones, and time of receipt. */
  readonly events: { readonly id: number; readonly at: number }[];
  end: string | undefined;
}

/** Events that are opened at a time. */
const BATCH = 256;

/** Shortest wait of clients before their first attempt to resume, in milliseconds; the longest is twice that. */
const MIN_WAIT_MS = 250;

function createListeners() {
  const ids = new Map<string, number>();
  let listeners: Listener[] = [];
  let target: { readonly port: number; readonly key: Aead } | undefined;
  let closing = false;
  let resumed = 0;

  function current() {
    if (target === undefined) throw new Error("No listeners are open");
    return target;
  }

  async function openEvent(text: string): Promise<StreamEvent> {
    return JSON.parse(await openEnvelope(current().key, parseEnvelope(text)));
  }

  function record(listener: Listener, text: string): void {
    let id = ids.get(text);
    if (id === undefined) ids.set(text, id = ids.size);
    listener.events.push({ id, at: preciseNow() });
  }

  /** Opens a stream and waits for its first event. */
  async function listen(listener: Listener, since?: Position): Promise<void> {
    const { port, key } = current();
    const request = {
      topics: [TOPIC],
      qos: 1,
      timestamp: Date.now() / 1000,
      ...(since === undefined ? {} : { since }),
    };
    const sealed = await sealEnvelope(key, JSON.stringify(request), randomBytes);
    const first = Promise.withResolvers<string>();
    let last: string | undefined;
    listener.stream = await StreamConnection.open(port, postBytes("/mqtt/subscribe", sealed), {
      onHead() {},
      onEvent(text) {
        if (last === undefined) first.resolve(text);
        else record(listener, text);
        last = text;
      },
      onEnd(error) {
        first.reject(error ?? new Error("Stream ended without an event"));
        if (!closing && last !== undefined) resume(listener, last, error);
      },
    });
    const event = await openEvent(await first.promise);
    if (event.type !== "connected") throw new Error(`Stream did not begin: ${JSON.stringify(event)}`);
  }

  /** Resumes after the wait of clients, if the last event offers it. */
  async function resume(listener: Listener, last: string, error: Error | undefined): Promise<void> {
    try {
      const event = await openEvent(last);
      if (event.type === "error" && event.resume !== undefined) {
        resumed += 1;
        // It is not a message, and only messages are waited for.
        listener.events.pop();
        await new Promise((resolve) => setTimeout(resolve, (1 + Math.random()) * MIN_WAIT_MS));
        await listen(listener, event.resume);
      } else listener.end = error?.message ?? JSON.stringify(event);
    } catch (error) {
      listener.end = `Not resumed: ${errorText(error)}`;
    }
  }

  /** Opens all streams; returns the milliseconds until the last `connected`. */
  async function open(order: { readonly port: number; readonly key: string; readonly count: number }): Promise<number> {
    const secret = parseKey(order.key);
    if (secret === undefined) throw new Error("Key must be 64 hexadecimal characters");
    target = { port: order.port, key: await importKey(secret) };
    closing = false;
    listeners = Array.from({ length: order.count }, () => ({ stream: undefined, events: [], end: undefined }));
    const began = performance.now();
    await forEachConcurrent(listeners, CONNECTING_LIMIT, (listener) => listen(listener));
    return performance.now() - began;
  }

  /** Discards all events so far. */
  function begin(): void {
    ids.clear();
    resumed = 0;
    for (const { events } of listeners) events.length = 0;
  }

  /** Waits for the last event, opens all events, and checks each stream. */
  async function collect(run: { readonly run: number; readonly events: number }): Promise<ListenerCounts> {
    await untilDelivered({
      isComplete: () => listeners.every(({ events, end }) => end !== undefined || events.length >= run.events),
      count: () => listeners.reduce((sum, { events }) => sum + events.length, 0),
    });
    const texts = [...ids.keys()];
    const opened: StreamEvent[] = [];
    while (opened.length < texts.length) {
      opened.push(...await Promise.all(texts.slice(opened.length, opened.length + BATCH).map(openEvent)));
    }
    const counter = new DeliveryCounter(run);
    const ends: Record<string, number> = {};
    let gaps = 0;
    for (const { events, end } of listeners) {
      const receive = counter.addReceiver();
      for (const { id, at } of events) {
        const event = opened[id];
        if (event?.type === "message") receive(parsePayload(event.payload ?? ""), at);
        else if (event?.type === "gap") gaps += 1;
      }
      if (end !== undefined) ends[end] = (ends[end] ?? 0) + 1;
    }
    return { ...counter.counts(), resumed, gaps, ends };
  }

  function close(): void {
    closing = true;
    for (const { stream } of listeners) stream?.close();
    listeners = [];
    ids.clear();
  }

  return { open, begin, collect, close };
}

await answerCommands(createListeners());
