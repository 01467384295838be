/**
 * Limits the size of packets from a broker before MQTT.js, which buffers without a limit, reads them.
 *
 * @module
 */
import { Transform, type TransformCallback } from "node:stream";
import { concat } from "../protocol/bytes.ts";

/** Configuration of a limit. */
export interface PacketLimitOptions {
  /** Largest packet to pass on, in bytes. */
  readonly maxBytes: number;
  /** Protocol version: in 5, the header of a message has properties; in 4 (3.1.1) it has none. */
  readonly version: 4 | 5;
  /** Random bytes of this connection, so that no device can publish a payload that begins with them. */
  readonly marker: Uint8Array;
  /** Called when the connection must be closed: a packet is too large, and it is not a message whose payload to omit. */
  readonly onFault: (message: string) => void;
  /** Called when bytes arrive. */
  readonly onBytes: () => void;
}

/** Length of a marker, in bytes. */
export const MARKER_BYTES = 16;

/** Packet type of PUBLISH, in the upper half of the first byte (MQTT 3.1.1, section 2.2.1). */
const PUBLISH = 3;

/** Most bytes of a packet's type and length (section 2.2.3). */
const MAX_FIXED_HEAD_BYTES = 5;

/** Largest header of a message to buffer, in bytes: its topic has up to 64 KiB, properties seldom more. */
const MAX_VARIABLE_HEAD_BYTES = 256 * 1024;

/**
 * Passes packets on. Replaces a message that is too large by one with the same header, and with a payload that contains
 * only the length of the real one; {@linkcode omittedBytes} reads it. So the message is acknowledged in order, only its
 * header is buffered, and the connection stays open for its other subscribers.
 */
export class PacketLimit extends Transform {
  readonly #options: PacketLimitOptions;
  /** Start of a packet whose header is incomplete. */
  #pending: Uint8Array = new Uint8Array(0);
  /** Bytes of the current packet that are left to pass on, or to drop. */
  #toPass = 0;
  #toDrop = 0;

  /** Makes a limit at the start of a connection. */
  constructor(options: PacketLimitOptions) {
    super();
    this.#options = options;
  }

  /** Handles bytes from the broker. */
  override _transform(chunk: Uint8Array, _encoding: string, done: TransformCallback): void {
    this.#options.onBytes();
    const bytes = this.#pending.length === 0 ? chunk : concat(this.#pending, chunk);
    this.#pending = new Uint8Array(0);
    // The bytes between these two are passed on together.
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
        const header = size === undefined ? undefined : this.#headerOf(bytes.subarray(at), size);
        if (header === "fault") return done();
        if (size === undefined || header === undefined) {
          this.#pending = bytes.slice(at);
          return done();
        }
        this.#pass(this.#withoutPayload(header, size));
        this.#toDrop = size;
      }
    }
    this.#pass(bytes.subarray(from));
    done();
  }

  #pass(bytes: Uint8Array): void {
    if (bytes.length > 0) this.push(bytes);
  }

  /** Returns the header of a message; undefined while it is incomplete, "fault" if there is none. */
  #headerOf(packet: Uint8Array, size: number): PublishHeader | "fault" | undefined {
    const { version, maxBytes, onFault } = this.#options;
    const [first = 0] = packet;
    const header = first >> 4 === PUBLISH ? readHeader(packet, version) : "fault";
    if (header !== "fault" && (header?.end ?? packet.length) <= MAX_VARIABLE_HEAD_BYTES) return header;
    onFault(`Broker sent a packet of ${size} bytes: more than ${maxBytes} are not taken`);
    return "fault";
  }

  /** Returns a message with the marker and the length in place of its payload. */
  #withoutPayload({ packet, start, end }: PublishHeader, size: number): Uint8Array {
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
 * Returns the length of a payload that was omitted; undefined for a real payload.
 *
 * @param marker marker of the connection's {@linkcode PacketLimit}
 */
export function omittedBytes(payload: Uint8Array, marker: Uint8Array): number | undefined {
  if (payload.length !== marker.length + 4 || marker.some((byte, index) => payload[index] !== byte)) return undefined;
  return new DataView(payload.buffer, payload.byteOffset + marker.length).getUint32(0);
}

/** Header of a PUBLISH packet. */
interface PublishHeader {
  readonly packet: Uint8Array;
  /** Index of the variable header, after type and length. */
  readonly start: number;
  /** Index of the payload. */
  readonly end: number;
}

/** Returns the length of a packet; undefined while its length field is incomplete. */
function packetSize(bytes: Uint8Array, at: number): number | undefined {
  let length = 0;
  for (let index = 1; index < MAX_FIXED_HEAD_BYTES; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) return undefined;
    length += (byte & 127) * 128 ** (index - 1);
    if (byte < 128) return 1 + index + length;
  }
  // Malformed (section 2.2.3): passed on, as MQTT.js reports it.
  return MAX_FIXED_HEAD_BYTES;
}

/** Reads the header of a PUBLISH packet (MQTT 3.1.1, section 3.3.2; MQTT 5, section 3.3.2); undefined if incomplete. */
function readHeader(packet: Uint8Array, version: 4 | 5): PublishHeader | undefined {
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

/** Encodes a length as variable byte integer (section 2.2.3). */
function variableLength(length: number): Uint8Array {
  const bytes: number[] = [];
  do {
    const rest = Math.floor(length / 128);
    bytes.push(length % 128 + (rest > 0 ? 128 : 0));
    length = rest;
  } while (length > 0);
  return Uint8Array.from(bytes);
}
