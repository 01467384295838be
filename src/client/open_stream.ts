/**
 * One stream of events: a request, and what comes back until the line ends.
 *
 * @module
 */
import type { StreamEvent } from "../protocol/event.ts";
import type { Channel } from "./channel.ts";
import type { Clock } from "./clock.ts";
import { GatewayError, TemporaryError } from "./gateway_error.ts";
import { readEventData } from "./read_event_data.ts";

/** A connection without a byte for so long is dead: the gateway gives a sign of life at least every 15 s. */
const SILENCE_MS = 45_000;

const EVENT_TYPES: readonly unknown[] = [
  "connected",
  "message",
  "gap",
  "offline",
  "online",
  "error",
  "disconnected",
] satisfies StreamEvent["type"][];

/**
 * Asks for a stream and hands over its events, the last one included.
 *
 * @param request the fields of the subscribe request, without its timestamp
 * @param signal ends the stream
 * @throws {TemporaryError} if nobody answered, or the stream broke off or went silent before its last event
 * @throws {GatewayError} if the request was refused, or something is not sealed with this key
 */
export async function* openStream(
  channel: Channel,
  request: Record<string, unknown>,
  { signal }: { readonly signal?: AbortSignal | undefined },
): AsyncGenerator<StreamEvent, void> {
  const line = new Line(channel.clock, signal);
  const response = await line.hear(channel.post("/mqtt/subscribe", request, line.signal));
  if (response.body === null) throw new GatewayError(502, "Answer has no body");
  for await (const data of readEventData(readChunks(response.body, line))) {
    const event = parseEvent(await channel.open(data));
    if (event === undefined) continue;
    yield event;
    if (event.type === "error" || event.type === "disconnected") return;
  }
  throw new TemporaryError(0, "Stream broke off");
}

/** Gives a connection up when it is silent. Only waiting for it counts, not the time in which the caller is busy. */
class Line {
  /** Aborted when the line is given up, or when the caller wants the end. */
  readonly signal: AbortSignal;
  readonly #silent = new AbortController();
  readonly #clock: Clock;

  constructor(clock: Clock, signal: AbortSignal | undefined) {
    this.#clock = clock;
    this.signal = signal === undefined ? this.#silent.signal : AbortSignal.any([signal, this.#silent.signal]);
  }

  async hear<T>(sound: Promise<T>): Promise<T> {
    const stop = this.#clock.after(SILENCE_MS, () => {
      const message = `Stream went silent: nothing came for ${SILENCE_MS / 1000} s`;
      this.#silent.abort(new TemporaryError(0, message));
    });
    try {
      return await sound;
    } catch (error) {
      // Platforms differ in what they make of the reason.
      this.signal.throwIfAborted();
      throw error;
    } finally {
      stop();
    }
  }
}

async function* readChunks(body: ReadableStream<Uint8Array>, line: Line): AsyncGenerator<Uint8Array, void> {
  const reader = body.getReader();
  // Deno 2.9 at times does not hear the signal of a fetch while its body is read.
  const cancel = () => void reader.cancel().catch(() => {});
  line.signal.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      const { done, value } = await line.hear(
        reader.read().catch((cause) => {
          throw new TemporaryError(0, "Stream broke off", { cause });
        }),
      );
      line.signal.throwIfAborted();
      if (done) return;
      yield value;
    }
  } finally {
    line.signal.removeEventListener("abort", cancel);
    // Closes the connection where it is still there.
    await reader.cancel().catch(() => {});
  }
}

/** An event, or undefined for one of a kind that a newer gateway knows. */
function parseEvent(value: unknown): StreamEvent | undefined {
  if (isStreamEvent(value)) return value;
  if (isRecord(value) && typeof value["type"] === "string") return undefined;
  throw new GatewayError(502, "Event is of no known type");
}

function isStreamEvent(value: unknown): value is StreamEvent {
  return isRecord(value) && EVENT_TYPES.includes(value["type"]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
