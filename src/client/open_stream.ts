/**
 * One stream of events: a subscribe request, and its events until the stream ends.
 *
 * @module
 */
import { withDeadline } from "../lib/async.ts";
import type { Clock } from "../lib/clock.ts";
import { readChunks } from "../lib/read_bytes.ts";
import { EventTooLargeError, readServerSentEvents, type ServerSentEvent } from "../lib/sse.ts";
import { EnvelopeError } from "../protocol/aead.ts";
import type { StreamEvent } from "../protocol/event.ts";
import { type Exchange, openAnswer } from "../protocol/exchange.ts";
import { StreamOpener } from "../protocol/v2/stream.ts";
import type { Channel, RequestOptions, Sent } from "./channel.ts";
import { parseEvents } from "./event.ts";
import { TruncatedError } from "./gateway_error.ts";
import { eventRefusal } from "./refusal.ts";
import { noAnswerWithin } from "./transport.ts";

/** Longest time without a heartbeat, in milliseconds: the gateway sends one at least every 15 s. */
const SILENCE_MS = 45_000;

/**
 * Most characters of one event. The largest event of a gateway, 8 MiB of payload, is far smaller; a larger one would fill
 * the memory of a phone.
 */
const EVENT_MAX_LENGTH = 64 * 2 ** 20;

/** Route of a subscribe request, and the signal that ends its stream. */
export interface StreamRequestOptions {
  /** Route of the request. */
  readonly route: "/mqtt/subscribe" | "/subscribe";
  /** Ends the stream. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a stream and yields its events, the last one included, and the messages of a batch one by one. In version 2 a
 * request that the gateway proves to have refused for its time is sealed again and sent once more.
 *
 * @param request the fields of the subscribe request, without its timestamp
 * @throws {TruncatedError} if the stream broke off or went silent before its last event
 * @throws {TamperedError} if an event does not open or is malformed
 * @throws {GatewayError} if there was no answer, or the request was refused, also by an event
 */
export async function* openStream(
  channel: Channel,
  request: Record<string, unknown>,
  options: StreamRequestOptions,
): AsyncGenerator<StreamEvent, void> {
  try {
    yield* openOnce(channel, request, options);
  } catch (error) {
    // A subscription changes nothing: it may begin twice.
    if (channel.learnTime(error) === undefined) throw error;
    yield* openOnce(channel, request, options);
  }
}

/** Returns whether an event is the last one of its stream. */
export function isFinal({ type }: StreamEvent): boolean {
  return type === "error" || type === "disconnected" || type === "end";
}

async function* openOnce(
  channel: Channel,
  request: Record<string, unknown>,
  { route, signal }: StreamRequestOptions,
): AsyncGenerator<StreamEvent, void> {
  const { response, exchange } = await withDeadline(
    (signal) => subscribe(channel, request, { route, signal }),
    { clock: channel.clock, timeout: SILENCE_MS, timeoutError: () => noAnswerWithin(SILENCE_MS), signal },
  );
  if (response.body === null) throw new TruncatedError("Answer has no body");
  const silence = new SilenceTimer(channel.clock, signal);
  // In version 2 an attacker could send bytes; only an event that opens is a heartbeat.
  const chunks = readBody(response.body, { silence, isHeartbeat: exchange.version === 1 });
  let isConnected = false;
  silence.restart();
  try {
    for await (const events of openEvents(readServerSentEvents(chunks, { maxLength: EVENT_MAX_LENGTH }), exchange)) {
      silence.stop();
      for (const event of events) {
        // The caller may have aborted it within a batch.
        signal?.throwIfAborted();
        if (event.type === "error" && !isConnected) throw eventRefusal(event);
        isConnected ||= event.type === "connected";
        yield event;
        if (isFinal(event)) return;
      }
      silence.restart();
    }
  } catch (error) {
    const isForged = error instanceof EnvelopeError || error instanceof SyntaxError ||
      error instanceof EventTooLargeError;
    throw isForged ? channel.tampered("Event", error) : error;
  } finally {
    silence.stop();
  }
  throw new TruncatedError("Stream broke off");
}

/** Sends a subscribe request, which asks for batches in version 2; version 1 has none. */
async function subscribe(
  channel: Channel,
  request: Record<string, unknown>,
  options: RequestOptions,
): Promise<Sent> {
  const batch = await channel.agree(options.signal) === 2 ? { batch: true } : {};
  return await channel.post({ ...request, ...batch }, options);
}

/** Aborts a stream that is silent for too long. Time in which the caller handles an event does not count. */
class SilenceTimer {
  /** Aborted when the stream is silent for too long, or by the caller. */
  readonly signal: AbortSignal;
  readonly #silent = new AbortController();
  readonly #clock: Clock;
  #stop = () => {};

  /** Makes a timer that does not run yet. */
  constructor(clock: Clock, signal: AbortSignal | undefined) {
    this.#clock = clock;
    this.signal = signal === undefined ? this.#silent.signal : AbortSignal.any([signal, this.#silent.signal]);
  }

  /** Begins to measure silence, from now. */
  restart(): void {
    this.#stop();
    this.#stop = this.#clock.after(SILENCE_MS, () => {
      this.#silent.abort(new TruncatedError(`Stream went silent: nothing came for ${SILENCE_MS / 1000} s`));
    });
  }

  /** Stops measuring. */
  stop(): void {
    this.#stop();
  }
}

/**
 * Reads a body until it ends.
 *
 * @param options `silence` ends it; where any chunk is a heartbeat, each restarts that timer
 * @throws {TruncatedError} if the connection was lost
 */
async function* readBody(
  body: ReadableStream<Uint8Array>,
  { silence, isHeartbeat }: { readonly silence: SilenceTimer; readonly isHeartbeat: boolean },
): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const chunk of readChunks(body, silence.signal)) {
      if (isHeartbeat) silence.restart();
      yield chunk;
    }
  } catch (cause) {
    silence.signal.throwIfAborted();
    throw new TruncatedError("Stream broke off", { cause });
  }
}

/**
 * Opens each record, and parses the event or the batch in it.
 *
 * @param exchange the request that the stream answers
 * @throws {EnvelopeError} if an event does not open; in version 2 also if it is not the next one of this very stream
 * @throws {SyntaxError} if it is malformed
 */
async function* openEvents(
  events: AsyncIterable<ServerSentEvent>,
  exchange: Exchange,
): AsyncGenerator<readonly StreamEvent[], void> {
  let stream: StreamOpener | undefined;
  for await (const { event, id = "", data } of events) {
    if (data === undefined) continue;
    if (exchange.version === 1) {
      yield parseEvents(await openAnswer(exchange, data));
    } else if (stream !== undefined) {
      yield parseEvents(await stream.open(data, id));
    } else if (event === "open") {
      stream = await StreamOpener.begin(exchange, data);
    } else throw new EnvelopeError();
  }
}
