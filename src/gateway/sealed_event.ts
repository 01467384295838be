/**
 * Events on their way to listeners, sealed once for each key and not for each listener.
 *
 * @module
 */
import type { ReceivedMessage } from "../mqtt/received_message.ts";
import { type Bytes, type RandomBytes, sealedLength, sealEnvelope } from "../protocol/envelope.ts";
import type { MessageEvent, Position, StreamEvent } from "../protocol/event.ts";
import type { Key } from "../security/keyring.ts";

/** One event for the listeners of one key, as a record of a stream of Server-Sent Events. */
export class SealedEvent {
  /** Length of the record, in bytes. */
  readonly size: number;
  /** Where a listener that got it goes on. */
  readonly position: Position | undefined;
  readonly #seal: () => Promise<Uint8Array>;
  #record: Uint8Array | Promise<Uint8Array> | undefined;

  /** Makes an event that is sealed when somebody wants it. */
  constructor(size: number, position: Position | undefined, seal: () => Promise<Uint8Array>) {
    this.size = size;
    this.position = position;
    this.#seal = seal;
  }

  /** The record; a promise of it, while it is being sealed. */
  record(): Uint8Array | Promise<Uint8Array> {
    return this.#record ??= this.#seal().then((record) => this.#record = record);
  }
}

/** What sealing events takes. */
export interface EventSealerOptions {
  /** Where nonces come from. */
  readonly random: RandomBytes;
}

/** Most bytes of records to be sealed at a time, before the brokers are asked to wait. */
const MAX_SEALING_BYTES = 64 * 1024;

/** What a record has besides the envelope. */
const RECORD_BYTES = "data: \n\n".length;

const utf8 = new TextEncoder();

/** Seals events. */
export class EventSealer {
  readonly #options: EventSealerOptions;
  /** The last message, as it is for each key: all listeners ask for it one after the other. */
  #last: { readonly message: ReceivedMessage; readonly forKeys: Map<Key, ForKey> } | undefined;
  #sealingBytes = 0;
  #room: PromiseWithResolvers<void> | undefined;

  /** Makes a sealer. */
  constructor(options: EventSealerOptions) {
    this.#options = options;
  }

  /** Makes an event for one listener. */
  event(key: Key, event: StreamEvent): SealedEvent {
    const { epoch, offset } = { epoch: undefined, offset: undefined, ...event };
    const position = epoch === undefined || offset === undefined ? undefined : { epoch, offset };
    return this.#make(key, utf8.encode(JSON.stringify(event)), position);
  }

  /**
   * Makes the event of a message: the same one for all listeners of the same key that ask for the same quality.
   *
   * @param qos the listener's quality of service: the broker may have delivered with more, for another listener
   * @returns undefined if the key may not receive it
   */
  message(key: Key, message: ReceivedMessage, qos: number): SealedEvent | undefined {
    if (this.#last?.message !== message) this.#last = { message, forKeys: new Map() };
    let forKey = this.#last.forKeys.get(key);
    if (forKey === undefined) {
      // What was granted is checked again on what comes: brokers have their own ideas of matching.
      forKey = { isAllowed: key.scope.mayReceive(message.topic), byQos: [] };
      this.#last.forKeys.set(key, forKey);
    }
    if (!forKey.isAllowed) return undefined;
    const lower = Math.min(qos, message.qos);
    return forKey.byQos[lower] ??= this.#make(
      key,
      utf8.encode(JSON.stringify(messageEvent(message, lower))),
      message.position,
    );
  }

  /** A promise to wait for before the next message, while more is being sealed than shall be under way. */
  pressure(): Promise<void> | undefined {
    return this.#room?.promise;
  }

  #make(key: Key, plaintext: Bytes, position: Position | undefined): SealedEvent {
    const size = sealedLength(plaintext.length) + RECORD_BYTES;
    return new SealedEvent(size, position, async () => {
      this.#sealingBytes += size;
      if (this.#sealingBytes > MAX_SEALING_BYTES) this.#room ??= Promise.withResolvers();
      try {
        return utf8.encode(`data: ${await sealEnvelope(key.secret, plaintext, this.#options.random)}\n\n`);
      } finally {
        this.#sealingBytes -= size;
        if (this.#sealingBytes <= MAX_SEALING_BYTES) this.#makeRoom();
      }
    });
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }
}

/** A message as the listeners of one key get it. */
interface ForKey {
  readonly isAllowed: boolean;
  readonly byQos: SealedEvent[];
}

function messageEvent(
  { topic, payload, retain, receivedAt, position }: ReceivedMessage,
  qos: number,
): MessageEvent {
  const rest = { qos, retain, timestamp: Math.floor(receivedAt / 1000), ...position };
  if (typeof payload === "string") return { type: "message", topic, payload, ...rest };
  return { type: "message", topic, payload: null, payload_b64: payload.toBase64(), ...rest };
}
