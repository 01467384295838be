/**
 * One stream of events: a request, and what comes back until the line ends.
 *
 * @module
 */
import { EnvelopeError } from "../protocol/aead.ts";
import type { StreamEvent } from "../protocol/event.ts";
import type { Channel } from "./channel.ts";
import { withDeadline } from "../lib/async.ts";
import { noAnswerWithin, TruncatedError } from "./gateway_error.ts";
import { isObject } from "../lib/json.ts";
import { openEvents } from "./open_events.ts";
import { readChunks } from "./read_chunks.ts";
import { EventTooLargeError, readEvents } from "./read_events.ts";
import { eventRefusal } from "./refusal.ts";
import { SILENCE_MS, SilenceTimer } from "./silence.ts";

const EVENT_TYPES: readonly unknown[] = [
  "connected",
  "message",
  "gap",
  "offline",
  "online",
  "error",
  "disconnected",
  "end",
] satisfies StreamEvent["type"][];

/**
 * Asks for a stream and hands over its events, the last one included. In version 2 a request that the gateway proves
 * to have refused for its time is sealed anew and sent once more.
 *
 * @param request the fields of the subscribe request, without its timestamp
 * @param signal ends the stream
 * @throws {TruncatedError} if the stream broke off or went silent before its last event
 * @throws {TamperedError} if an event is not what it should be
 * @throws {GatewayError} if nobody answered, or the request was refused, also by an event
 */
export async function* openStream(
  channel: Channel,
  request: Record<string, unknown>,
  options: { readonly signal?: AbortSignal | undefined },
): AsyncGenerator<StreamEvent, void> {
  try {
    yield* openOnce(channel, request, options);
  } catch (error) {
    // A subscription switches nothing: it may begin twice.
    if (channel.learnTime(error) === undefined) throw error;
    yield* openOnce(channel, request, options);
  }
}

async function* openOnce(
  channel: Channel,
  request: Record<string, unknown>,
  { signal }: { readonly signal?: AbortSignal | undefined },
): AsyncGenerator<StreamEvent, void> {
  const { response, exchange } = await withDeadline(
    (signal) => channel.post(request, { route: "/mqtt/subscribe", signal }),
    { clock: channel.clock, timeout: SILENCE_MS, timeoutError: () => noAnswerWithin(SILENCE_MS), signal },
  );
  if (response.body === null) throw new TruncatedError("Answer has no body");
  const silence = new SilenceTimer(channel.clock, signal);
  const chunks = readChunks(response.body, silence.signal);
  // In version 2 anybody could send bytes; only an event that opens is a sign of life.
  const bytes = exchange.version === 1 ? heard(chunks, silence) : chunks;
  let isConnected = false;
  silence.listen();
  try {
    for await (const value of openEvents(readEvents(bytes), exchange)) {
      silence.listen();
      const event = parseEvent(value);
      if (event === undefined) continue;
      if (event.type === "error" && !isConnected) throw eventRefusal(event);
      isConnected ||= event.type === "connected";
      silence.rest();
      yield event;
      if (isFinal(event)) return;
      silence.listen();
    }
  } catch (error) {
    const isForged = error instanceof EnvelopeError || error instanceof SyntaxError ||
      error instanceof EventTooLargeError;
    throw isForged ? channel.tampered("Event", error) : error;
  } finally {
    silence.rest();
  }
  throw new TruncatedError("Stream broke off");
}

/** Tells an event that is the last one of its stream. */
export function isFinal({ type }: StreamEvent): boolean {
  return type === "error" || type === "disconnected" || type === "end";
}

async function* heard(chunks: AsyncIterable<Uint8Array>, silence: SilenceTimer): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    silence.listen();
    yield chunk;
  }
}

/** An event, or undefined for a sign of life and for one of a kind that a newer gateway knows. */
function parseEvent(value: unknown): StreamEvent | undefined {
  if (isStreamEvent(value)) return value;
  if (isObject(value) && typeof value["type"] === "string") return undefined;
  throw new SyntaxError("Event has no type");
}

function isStreamEvent(value: unknown): value is StreamEvent {
  return isObject(value) && EVENT_TYPES.includes(value["type"]);
}
