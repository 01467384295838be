/**
 * Any number of listeners at the gateway, in a process of their own, all with one key. While the clock runs, sealed
 * events are only noted with their time; afterwards every different one is opened once, and all streams are checked.
 */
import { errorText } from "../../../src/lib/errors.ts";
import type { Position, StreamEvent } from "../../../src/protocol/event.ts";
import { randomBytes } from "../../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../../src/protocol/v1/envelope.ts";
import { importKey, parseKey } from "../../../src/protocol/secret_key.ts";
import { answerCommands } from "../answer_commands.ts";
import { requestBytes } from "../load/http_connection.ts";
import { inTurns } from "../../support/concurrency.ts";
import { type Balance, Ledger } from "./deliveries.ts";
import { parsePayload, preciseNow, TOPIC } from "./payload.ts";
import { StreamConnection } from "./stream_connection.ts";
import { untilQuiet } from "./until_quiet.ts";

/** What came of a publishing. */
export interface ListenersBalance extends Balance {
  /** Streams that were ended because their listener was too slow, and that were resumed. */
  readonly resumed: number;
  /** Resumed streams that were told that something may be missing. */
  readonly gaps: number;
  /** Streams that ended and were not resumed, by what their last event said. */
  readonly ends: Readonly<Record<string, number>>;
}

interface Listener {
  stream: StreamConnection | undefined;
  /** The events after `connected`: their place among the different ones, and when they came. */
  readonly events: { readonly id: number; readonly at: number }[];
  end: string | undefined;
}

/** How many events are opened at a time. */
const BATCH = 256;

/** Clients wait for so long, or up to twice as long, before their first try to resume, in milliseconds. */
const LEAST_WAIT_MS = 250;

function createListeners() {
  const ids = new Map<string, number>();
  let listeners: Listener[] = [];
  let target: { readonly port: number; readonly key: CryptoKey } | undefined;
  let closing = false;
  let resumed = 0;

  function current() {
    if (target === undefined) throw new Error("Nobody listens");
    return target;
  }

  async function openEvent(text: string): Promise<StreamEvent> {
    return JSON.parse(await openEnvelope(current().key, parseEnvelope(text)));
  }

  function note(listener: Listener, text: string): void {
    let id = ids.get(text);
    if (id === undefined) ids.set(text, id = ids.size);
    listener.events.push({ id, at: preciseNow() });
  }

  /** Opens a stream, and waits for its first event. */
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
    listener.stream = await StreamConnection.open(port, requestBytes("/mqtt/subscribe", sealed), {
      onHead() {},
      onEvent(text) {
        if (last === undefined) first.resolve(text);
        else note(listener, text);
        last = text;
      },
      onEnd(error) {
        first.reject(error ?? new Error("Stream ended without an event"));
        if (!closing && last !== undefined) goOn(listener, last, error);
      },
    });
    const event = await openEvent(await first.promise);
    if (event.type !== "connected") throw new Error(`Stream did not begin: ${JSON.stringify(event)}`);
  }

  /** Resumes where the last event says how, after the wait of clients. */
  async function goOn(listener: Listener, last: string, error: Error | undefined): Promise<void> {
    try {
      const event = await openEvent(last);
      if (event.type === "error" && event.resume !== undefined) {
        resumed += 1;
        // It is no message, and all messages together are waited for.
        listener.events.pop();
        await new Promise((resolve) => setTimeout(resolve, (1 + Math.random()) * LEAST_WAIT_MS));
        await listen(listener, event.resume);
      } else listener.end = error?.message ?? JSON.stringify(event);
    } catch (error) {
      listener.end = `Not resumed: ${errorText(error)}`;
    }
  }

  /** Opens all streams, and says how long that took until the last `connected`, in milliseconds. */
  async function open(order: { readonly port: number; readonly key: string; readonly count: number }): Promise<number> {
    const secret = parseKey(order.key);
    if (secret === undefined) throw new Error("Key must be 64 hexadecimal characters");
    target = { port: order.port, key: await importKey(secret) };
    closing = false;
    listeners = Array.from({ length: order.count }, () => ({ stream: undefined, events: [], end: undefined }));
    const began = performance.now();
    await inTurns(order.count, (number) => listen(listeners[number] ?? fail()));
    return performance.now() - began;
  }

  /** Forgets what came so far. */
  function begin(): void {
    ids.clear();
    resumed = 0;
    for (const { events } of listeners) events.length = 0;
  }

  /** Waits until nothing more comes, opens everything, and checks each stream. */
  async function collect(publishing: { readonly run: number; readonly events: number }): Promise<ListenersBalance> {
    await untilQuiet({
      complete: () => listeners.every(({ events, end }) => end !== undefined || events.length >= publishing.events),
      count: () => listeners.reduce((sum, { events }) => sum + events.length, 0),
    });
    const texts = [...ids.keys()];
    const opened: StreamEvent[] = [];
    while (opened.length < texts.length) {
      opened.push(...await Promise.all(texts.slice(opened.length, opened.length + BATCH).map(openEvent)));
    }
    const ledger = new Ledger(publishing);
    const ends: Record<string, number> = {};
    let gaps = 0;
    for (const { events, end } of listeners) {
      const receive = ledger.addListener();
      for (const { id, at } of events) {
        const event = opened[id];
        if (event?.type === "message") receive(parsePayload(event.payload ?? ""), at);
        else if (event?.type === "gap") gaps += 1;
      }
      if (end !== undefined) ends[end] = (ends[end] ?? 0) + 1;
    }
    return { ...ledger.balance(), resumed, gaps, ends };
  }

  function close(): void {
    closing = true;
    for (const { stream } of listeners) stream?.close();
    listeners = [];
    ids.clear();
  }

  return { open, begin, collect, close };
}

function fail(): never {
  throw new Error("No such listener");
}

await answerCommands(createListeners());
