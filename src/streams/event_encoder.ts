/**
 * Encoder of events: converts them to sealed records, once for each key in version 1 and once for each stream in version 2.
 *
 * @module
 */
import type { Clock } from "../lib/clock.ts";
import { type Bytes, free, type RandomBytes } from "../protocol/bytes.ts";
import { sealEnvelope } from "../protocol/v1/envelope.ts";
import type { MessageEvent, StreamEvent } from "../protocol/event.ts";
import type { Exchange } from "../protocol/exchange.ts";
import { StreamSealer } from "../protocol/v2/stream.ts";
import type { Key } from "../keys/keyring.ts";
import type { MetricRegistry } from "../observability/telemetry.ts";
import { Backpressure } from "./backpressure.ts";
import { type CachedMessage, EventCache } from "./event_cache.ts";
import { MESSAGE_BEGIN } from "./message_batch.ts";
import { LARGE_EVENT_BYTES, OutgoingEvent } from "./outgoing_event.ts";
import { RecordScheduler } from "./record_scheduler.ts";
import type { SharedMessage } from "./shared_message.ts";
import { sseRecord } from "./sse_format.ts";
import { NumberedFormat, SHARED_FORMAT, type StreamFormat } from "./stream_format.ts";

/** Randomness and time of an encoder. */
export interface EventEncoderOptions {
  /** Source of nonces and salts. */
  readonly randomBytes: RandomBytes;
  /** Clock of the turns of streams with batches. */
  readonly clock: Pick<Clock, "monotonic" | "after">;
}

const utf8 = new TextEncoder();

/** Encodes the events of all streams. */
export class EventEncoder {
  readonly #randomBytes: RandomBytes;
  readonly #cache = new EventCache();
  readonly #backpressure = new Backpressure();
  readonly #scheduler: RecordScheduler;

  /** Creates an encoder without cached events. */
  constructor({ randomBytes, clock }: EventEncoderOptions) {
    this.#randomBytes = randomBytes;
    this.#scheduler = new RecordScheduler(clock);
  }

  /** Bytes of the events that are kept for further listeners. */
  get sharedBytes(): number {
    return this.#cache.bytes;
  }

  /** Begins a stream that answers a request. */
  async begin(exchange: Exchange): Promise<StreamFormat> {
    if (exchange.version === 1) return SHARED_FORMAT;
    const sealer = await StreamSealer.begin(exchange, this.#randomBytes);
    return new NumberedFormat(sealer, { backpressure: this.#backpressure, scheduler: this.#scheduler });
  }

  /** Returns an event for one listener. */
  event(key: Key, event: StreamEvent): OutgoingEvent {
    return this.#outgoing(key, event, () => event);
  }

  /**
   * Returns the event of a message: the same one for all listeners of a key with the same quality of service.
   *
   * @param qos the listener's quality of service: the broker may have delivered with a higher one, for another listener
   * @param receiver rights of the listener
   * @returns undefined if the key may not receive the message
   */
  message(key: Key, message: SharedMessage, qos: number, receiver: EventReceiver): OutgoingEvent | undefined {
    const cached = this.#cache.get(message) ?? this.#addToCache(message);
    let events = cached.byKey.get(key);
    if (events === undefined) {
      // Grants are checked again for each message: brokers differ in how they match filters.
      events = { isAllowed: receiver.mayReceive(message.topic), byQos: [] };
      cached.byKey.set(key, events);
    }
    if (!events.isAllowed) return undefined;
    const lower = Math.min(qos, message.qos);
    return events.byQos[lower] ??= this.#cachedEvent(cached, key, () => messageEvent(message, lower));
  }

  /** Returns a promise to wait for before the next message; undefined while there is no backpressure. */
  backpressure(): Promise<void> | undefined {
    return this.#backpressure.relief();
  }

  /**
   * Returns an outgoing event.
   *
   * @param create creates the event once more, if it is large: only its source is held meanwhile
   */
  #outgoing(key: Key, event: StreamEvent, create: () => StreamEvent): OutgoingEvent {
    const { epoch, offset } = { epoch: undefined, offset: undefined, ...event };
    const position = epoch === undefined || offset === undefined ? undefined : { epoch, offset };
    const json = JSON.stringify(event);
    const plaintext = utf8.encode(json);
    const { length } = plaintext;
    const isLarge = length > LARGE_EVENT_BYTES;
    if (isLarge) free(plaintext);
    const text = isLarge ? { length, encode: () => utf8.encode(JSON.stringify(create())) } : plaintext;
    const outgoing: OutgoingEvent = new OutgoingEvent(text, {
      isMessage: json.startsWith(MESSAGE_BEGIN),
      position,
      seal: () => this.#backpressure.seal(length, () => sealedRecord(key, outgoing.plaintext, this.#randomBytes)),
    });
    return outgoing;
  }

  #addToCache(message: SharedMessage): CachedMessage {
    const cached = this.#cache.add(message);
    // About as much as its sealed event takes in a queue.
    this.#backpressure.add(cached.bytes);
    return cached;
  }

  #cachedEvent(cached: CachedMessage, key: Key, create: () => MessageEvent): OutgoingEvent {
    const outgoing = this.#outgoing(key, create(), create);
    // Plaintext and record.
    this.#cache.grow(cached, 2 * outgoing.size);
    return outgoing;
  }
}

/** Returns an encoder without cached events, and registers its gauge. */
export function createEventEncoder(
  { metrics, ...options }: EventEncoderOptions & { readonly metrics: MetricRegistry },
): EventEncoder {
  const encoder = new EventEncoder(options);
  metrics.gauge({
    name: "e2e_gateway_shared_event_bytes",
    help: "Bytes of encoded events that are kept for further listeners with the same key",
    read: () => encoder.sharedBytes,
  });
  return encoder;
}

/** Rights of a listener. All listeners of a key that get the same message have the same. */
export interface EventReceiver {
  /** Returns whether a received message may be passed on. */
  mayReceive(topic: string): boolean;
}

async function sealedRecord({ secret }: Key, plaintext: Bytes, randomBytes: RandomBytes): Promise<Uint8Array> {
  return sseRecord(await sealEnvelope(secret.aead, plaintext, randomBytes));
}

function messageEvent(
  { topic, payload, retain, receivedAt, position }: SharedMessage,
  qos: number,
): MessageEvent {
  const rest = { qos, retain, timestamp: Math.floor(receivedAt / 1000), ...position };
  if (typeof payload === "string") return { type: "message", topic, payload, ...rest };
  return { type: "message", topic, payload: null, payload_b64: payload.toBase64(), ...rest };
}
