/**
 * Bounds the packets that a broker sends before MQTT.js, which buffers without a bound, sees them.
 *
 * @module
 */
import { Transform, type TransformCallback } from "node:stream";

/** What a limit needs. */
export interface PacketLimitOptions {
  /** Largest packet to pass on, in bytes. */
  readonly maxBytes: number;
  /** Version of MQTT on the wire: 5 has properties in the head of a message, 4 (3.1.1) has none. */
  readonly version: 4 | 5;
  /** Random bytes of this connection alone, so that no device can write a payload that begins with them. */
  readonly marker: Uint8Array;
  /** Called when the connection cannot go on: a packet is too large, and no message that could be left out. */
  readonly onFault: (message: string) => void;
}

/** Length of a marker, in bytes. */
export const MARKER_BYTES = 16;

/** Type of PUBLISH, in the upper half of a packet's first byte (MQTT 3.1.1, section 2.2.1). */
const PUBLISH = 3;

/** Most bytes of a packet's type and length (section 2.2.3). */
const MAX_FIXED_HEAD_BYTES = 5;

/** Largest head of a message to hold, in bytes: its topic takes up to 64 KiB, properties seldom more than that. */
const MAX_VARIABLE_HEAD_BYTES = 256 * 1024;

/**
 * Passes packets on. In place of a message that is too large it passes one with the same head, whose payload tells only
 * how long the real one is: {@linkcode omittedBytes} reads it. So the message is acknowledged and keeps its order, no
 * more than its head is ever held, and the connection, which others listen on as well, goes on.
 */
export class PacketLimit extends Transform {
  readonly #options: PacketLimitOptions;
  /** The begin of a packet whose head is not complete. */
  #held: Uint8Array = new Uint8Array(0);
  #toPass = 0;
  #toDrop = 0;

  /** Makes a limit at the begin of a connection. */
  constructor(options: PacketLimitOptions) {
    super();
    this.#options = options;
  }

  /** Takes bytes as they come from the broker. */
  override _transform(chunk: Uint8Array, _encoding: string, done: TransformCallback): void {
    const bytes = this.#held.length === 0 ? chunk : joined(this.#held, chunk);
    this.#held = new Uint8Array(0);
    // What lies between these two is passed on together.
    let from = 0;
    let at = 0;
    while (at < bytes.length) {
      if (this.#toDrop > 0) {
        const dropped = Math.min(this.#toDrop, bytes.length - at);
        this.#toDrop -= dropped;
        at += dropped;
        from = at;
      } else if (this.#toPass > 0) {
        const passed = Math.min(this.#toPass, bytes.length - at);
        this.#toPass -= passed;
        at += passed;
      } else {
        const size = packetSize(bytes, at);
        if (size !== undefined && size <= this.#options.maxBytes) {
          this.#toPass = size;
          continue;
        }
        this.#pass(bytes.subarray(from, at));
        from = at;
        const head = size === undefined ? undefined : this.#headOf(bytes.subarray(at), size);
        if (head === "fault") return done();
        if (size === undefined || head === undefined) {
          this.#held = bytes.slice(at);
          return done();
        }
        this.#pass(this.#shortened(head, size));
        this.#toDrop = size;
      }
    }
    this.#pass(bytes.subarray(from));
    done();
  }

  #pass(bytes: Uint8Array): void {
    if (bytes.length > 0) this.push(bytes);
  }

  /** Finds type, length and head of a message; undefined while they are not complete. */
  #headOf(packet: Uint8Array, size: number): Head | "fault" | undefined {
    const { version, maxBytes, onFault } = this.#options;
    const [first = 0] = packet;
    const head = first >> 4 === PUBLISH ? readHead(packet, version) : "fault";
    if (head !== "fault" && (head?.end ?? packet.length) <= MAX_VARIABLE_HEAD_BYTES) return head;
    onFault(`Broker sent a packet of ${size} bytes: more than ${maxBytes} are not taken`);
    return "fault";
  }

  #shortened({ packet, start, end }: Head, size: number): Uint8Array {
    const { marker } = this.#options;
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, size - end);
    const payloadBytes = marker.length + length.length;
    const parts = [
      packet.subarray(0, 1),
      variableLength(end - start + payloadBytes),
      packet.subarray(start, end),
      marker,
      length,
    ];
    return Uint8Array.from(parts.flatMap((part) => [...part]));
  }
}

/**
 * Tells how long the payload is that was left out; undefined for a payload that is all there.
 *
 * @param marker the connection's, as its {@linkcode PacketLimit} has it
 */
export function omittedBytes(payload: Uint8Array, marker: Uint8Array): number | undefined {
  if (payload.length !== marker.length + 4 || marker.some((byte, index) => payload[index] !== byte)) return undefined;
  return new DataView(payload.buffer, payload.byteOffset + marker.length).getUint32(0);
}

/** Where the head of a message lies in its packet. */
interface Head {
  readonly packet: Uint8Array;
  /** Where it begins, after type and length. */
  readonly start: number;
  /** Where the payload begins. */
  readonly end: number;
}

/** Tells how many bytes a packet takes; undefined while its length is not complete. */
function packetSize(bytes: Uint8Array, at: number): number | undefined {
  let length = 0;
  for (let index = 1; index < MAX_FIXED_HEAD_BYTES; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) return undefined;
    length += (byte & 127) * 128 ** (index - 1);
    if (byte < 128) return 1 + index + length;
  }
  // Malformed (section 2.2.3). MQTT.js says so as soon as it sees it.
  return MAX_FIXED_HEAD_BYTES;
}

/** Reads the head of a PUBLISH packet (MQTT 3.1.1, section 3.3.2; MQTT 5, section 3.3.2). */
function readHead(packet: Uint8Array, version: 4 | 5): Head | undefined {
  let start = 1;
  while ((packet[start] ?? 0) >= 128) start += 1;
  start += 1;
  let end = start + 2 + ((packet[start] ?? 0) << 8 | (packet[start + 1] ?? 0));
  const hasId = ((packet[0] ?? 0) & 0b0110) !== 0;
  if (hasId) end += 2;
  if (version === 5) {
    let length = 0;
    for (let index = 0; index < 4; index++) {
      const byte = packet[end] ?? 0;
      end += 1;
      length += (byte & 127) * 128 ** index;
      if (byte < 128) break;
    }
    if (end > packet.length) return undefined;
    end += length;
  }
  return packet.length < end ? undefined : { packet, start, end };
}

function variableLength(length: number): Uint8Array {
  const bytes: number[] = [];
  do {
    const rest = Math.floor(length / 128);
    bytes.push(length % 128 + (rest > 0 ? 128 : 0));
    length = rest;
  } while (length > 0);
  return Uint8Array.from(bytes);
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
