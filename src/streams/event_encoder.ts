/**
 * Makes the events that listeners get: once for each key and not for each listener, as far as the protocol's version
 * lets it.
 *
 * @module
 */
import type { ReceivedMessage } from "../mqtt/hub/received_message.ts";
import { type Bytes, free, type RandomBytes } from "../protocol/bytes.ts";
import { sealEnvelope } from "../protocol/v1/envelope.ts";
import type { MessageEvent, StreamEvent } from "../protocol/event.ts";
import type { Exchange } from "../protocol/exchange.ts";
import { StreamSealer } from "../protocol/v2/stream.ts";
import type { Key } from "../keys/keyring.ts";
import { LARGE_EVENT_BYTES } from "./large_records.ts";
import { OutgoingEvent } from "./outgoing_event.ts";
import { numberedFormat, SHARED_FORMAT, type StreamFormat } from "./sse_format.ts";

/** What sealing events takes. */
export interface EventEncoderOptions {
  /** Where nonces and salts come from. */
  readonly randomBytes: RandomBytes;
}

/** Most bytes of events to be sealed at a time, before the brokers are asked to wait. */
const MAX_SEALING_BYTES = 64 * 1024;

/**
 * Most bytes of messages to pass on before the sockets get a turn: otherwise they would pile up in healthy queues. In
 * version 2 a message counts for each listener that waits for it, as it is sealed for each.
 */
const MAX_TURN_BYTES = 64 * 1024;

/** Most bytes of events to keep for the next listener of the same key: all that one household missed in a tunnel. */
const MAX_SHARED_BYTES = 4 * 2 ** 20;

/** What a shared message costs besides, in bytes. */
const SHARED_OVERHEAD_BYTES = 512;

const utf8 = new TextEncoder();

/** Seals events. */
export class EventEncoder {
  readonly #options: EventEncoderOptions;
  /** The last messages, as they are for each key: listeners ask for the same ones, now or when they come back. */
  readonly #shared = new Map<ReceivedMessage, Shared>();
  #last: { readonly message: ReceivedMessage; readonly shared: Shared } | undefined;
  #sharedBytes = 0;
  #turnBytes = 0;
  #sealingBytes = 0;
  #sealed: PromiseWithResolvers<void> | undefined;
  #room: Promise<void> | undefined;
  /** Settles when no large event is being sealed. */
  #turn: Promise<unknown> = Promise.resolve();

  /** Makes a sealer. */
  constructor(options: EventEncoderOptions) {
    this.#options = options;
  }

  /** Bytes of the events that are kept for the next listener. */
  get sharedBytes(): number {
    return this.#sharedBytes;
  }

  /** Begins a stream that answers a request. */
  async begin(exchange: Exchange): Promise<StreamFormat> {
    if (exchange.version === 1) return SHARED_FORMAT;
    const stream = await StreamSealer.begin(exchange, this.#options.randomBytes);
    return numberedFormat(stream, {
      expect: (bytes) => void (this.#turnBytes += bytes),
      count: (bytes, seal) => this.#count(bytes, seal),
    });
  }

  /** Makes an event for one listener. */
  event(key: Key, event: StreamEvent): OutgoingEvent {
    return this.#make(key, event, () => event);
  }

  /**
   * Makes an event.
   *
   * @param write makes it once more, where it is large: only what it takes to do so is held
   */
  #make(key: Key, event: StreamEvent, write: () => StreamEvent): OutgoingEvent {
    const { epoch, offset } = { epoch: undefined, offset: undefined, ...event };
    const position = epoch === undefined || offset === undefined ? undefined : { epoch, offset };
    const plaintext = utf8.encode(JSON.stringify(event));
    const { length } = plaintext;
    const isLarge = length > LARGE_EVENT_BYTES;
    if (isLarge) free(plaintext);
    const text = isLarge ? { length, encode: () => utf8.encode(JSON.stringify(write())) } : plaintext;
    const made: OutgoingEvent = new OutgoingEvent(text, {
      position,
      seal: () => this.#count(length, () => sealedRecord(key, made.plaintext, this.#options.randomBytes)),
    });
    return made;
  }

  /**
   * Makes the event of a message: the same one for all listeners of the same key that ask for the same quality.
   *
   * @param qos the listener's quality of service: the broker may have delivered with more, for another listener
   * @param receiver the listener's rights
   * @returns undefined if the key may not receive it
   */
  message(key: Key, message: ReceivedMessage, qos: number, receiver: EventReceiver): OutgoingEvent | undefined {
    const shared = this.#last?.message === message ? this.#last.shared : this.#share(message);
    let forKey = shared.forKeys.get(key);
    if (forKey === undefined) {
      // What was granted is checked again on what comes: brokers have their own ideas of matching.
      forKey = { isAllowed: receiver.mayReceive(message.topic), byQos: [] };
      shared.forKeys.set(key, forKey);
    }
    if (!forKey.isAllowed) return undefined;
    const lower = Math.min(qos, message.qos);
    return forKey.byQos[lower] ??= this.#makeShared(shared, key, () => messageEvent(message, lower));
  }

  /** A promise to wait for before the next message, while the gateway itself is behind. */
  backpressure(): Promise<void> | undefined {
    if (this.#turnBytes <= MAX_TURN_BYTES && this.#sealingBytes <= MAX_SEALING_BYTES) return undefined;
    return this.#room ??= this.#makeRoom();
  }

  async #makeRoom(): Promise<void> {
    do {
      await new Promise<void>((resolve) => setTimeout(resolve));
      await this.#sealed?.promise;
    } while (this.#sealingBytes > MAX_SEALING_BYTES);
    this.#turnBytes = 0;
    this.#room = undefined;
  }

  #share(message: ReceivedMessage): Shared {
    let shared = this.#shared.get(message);
    if (shared === undefined) {
      shared = { forKeys: new Map(), bytes: 0 };
      this.#shared.set(message, shared);
      const bytes = message.payloadBytes + SHARED_OVERHEAD_BYTES;
      // As much as it takes in a queue, sealed.
      this.#turnBytes += bytes;
      this.#grow(shared, bytes);
    }
    this.#last = { message, shared };
    return shared;
  }

  #makeShared(shared: Shared, key: Key, write: () => MessageEvent): OutgoingEvent {
    const made = this.#make(key, write(), write);
    // Plaintext and record.
    this.#grow(shared, 2 * made.size);
    return made;
  }

  #grow(shared: Shared, bytes: number): void {
    shared.bytes += bytes;
    this.#sharedBytes += bytes;
    for (const [message, oldest] of this.#shared) {
      if (this.#sharedBytes <= MAX_SHARED_BYTES || oldest === shared) break;
      this.#shared.delete(message);
      this.#sharedBytes -= oldest.bytes;
    }
  }

  /** Counts what is being sealed. Large events are sealed one after the other: each takes several times its length. */
  async #count(bytes: number, seal: () => Promise<Uint8Array>): Promise<Uint8Array> {
    this.#sealingBytes += bytes;
    if (this.#sealingBytes > MAX_SEALING_BYTES) this.#sealed ??= Promise.withResolvers();
    try {
      if (bytes <= LARGE_EVENT_BYTES) return await seal();
      const sealing = this.#turn.then(seal);
      this.#turn = sealing.catch(() => {});
      return await sealing;
    } finally {
      this.#sealingBytes -= bytes;
      if (this.#sealingBytes <= MAX_SEALING_BYTES) {
        this.#sealed?.resolve();
        this.#sealed = undefined;
      }
    }
  }
}

/** Rights of a listener. All listeners of a key that get the same message have the same. */
export interface EventReceiver {
  /** Returns whether a received message may be passed on. */
  mayReceive(topic: string): boolean;
}

async function sealedRecord({ secret }: Key, plaintext: Bytes, random: RandomBytes): Promise<Uint8Array> {
  return utf8.encode(`data: ${await sealEnvelope(secret.aead, plaintext, random)}\n\n`);
}

/** A message for all who listen. */
interface Shared {
  readonly forKeys: Map<Key, ForKey>;
  /** What the events in it take. */
  bytes: number;
}

/** A message as the listeners of one key get it. */
interface ForKey {
  readonly isAllowed: boolean;
  readonly byQos: OutgoingEvent[];
}

function messageEvent(
  { topic, payload, retain, receivedAt, position }: ReceivedMessage,
  qos: number,
): MessageEvent {
  const rest = { qos, retain, timestamp: Math.floor(receivedAt / 1000), ...position };
  if (typeof payload === "string") return { type: "message", topic, payload, ...rest };
  return { type: "message", topic, payload: null, payload_b64: payload.toBase64(), ...rest };
}
