/**
 * Entries of the log as bytes: a byte for the type, then its fields; numbers are big-endian.
 *
 * | Type | Fields |
 * | --- | --- |
 * | 1 message | flags (1 byte: QoS, 4 if the payload was omitted, 8 with a packet identifier), `receivedAt` (float64), length of the topic (uint16), topic, length of the omitted payload (uint32, only if omitted), packet identifier (uint16, only with one), payload |
 * | 2 gap, 5 wanted | |
 * | 3 offline | reason |
 * | 4 granted | JSON of pairs of filter and QoS, or null |
 *
 * @module
 */
import { z } from "zod";
import type { BrokerMessage, QoS } from "../broker.ts";
import type { LogEntry } from "./event_log.ts";

const MESSAGE = 1;
const GAP = 2;
const OFFLINE = 3;
const GRANTED = 4;
const WANTED = 5;

/** Bit of the flags of a message whose payload was omitted. */
const OMITTED = 4;
/** Bit of the flags of a message with a packet identifier. */
const IDENTIFIED = 8;
/** Bytes of a message before its topic. */
const HEAD_BYTES = 12;

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const qosRule = z.union([z.literal(0), z.literal(1), z.literal(2)]);
const grantsRule = z.array(z.tuple([z.string(), qosRule.nullable()]));

/** Encodes an entry. @throws {RangeError} if its topic is longer than MQTT allows */
export function encodeLogEntry(entry: LogEntry): Uint8Array<ArrayBuffer> {
  switch (entry.type) {
    case "message":
      return encodeMessage(entry.message, entry.receivedAt);
    case "gap":
      return Uint8Array.of(GAP);
    case "offline":
      return encodeText(OFFLINE, entry.reason);
    case "granted":
      return encodeText(GRANTED, JSON.stringify(entry.filters.map(([filter, qos]) => [filter, qos ?? null])));
    case "wanted":
      return Uint8Array.of(WANTED);
  }
}

/** Decodes an entry. @throws {SyntaxError} if it is damaged, or of a type that this version does not know */
export function decodeLogEntry(bytes: Uint8Array): LogEntry {
  switch (bytes[0]) {
    case MESSAGE:
      return decodeMessage(bytes);
    case GAP:
      return { type: "gap" };
    case OFFLINE:
      return { type: "offline", reason: decodeText(bytes.subarray(1)) };
    case GRANTED:
      return { type: "granted", filters: decodeGrants(decodeText(bytes.subarray(1))) };
    case WANTED:
      return { type: "wanted" };
    default:
      throw new SyntaxError("The log has an entry of an unknown type: run the same version of all replicas");
  }
}

function encodeMessage(
  { topic, payload, omittedBytes, qos, packetId }: BrokerMessage,
  receivedAt: number,
): Uint8Array<ArrayBuffer> {
  const name = utf8.encode(topic);
  if (name.length > 0xffff) throw new RangeError("A topic is longer than 65,535 bytes");
  const idAt = HEAD_BYTES + name.length + (omittedBytes === undefined ? 0 : 4);
  const start = idAt + (packetId === undefined ? 0 : 2);
  const bytes = new Uint8Array(start + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = MESSAGE;
  bytes[1] = qos | (omittedBytes === undefined ? 0 : OMITTED) | (packetId === undefined ? 0 : IDENTIFIED);
  view.setFloat64(2, receivedAt);
  view.setUint16(10, name.length);
  bytes.set(name, HEAD_BYTES);
  if (omittedBytes !== undefined) view.setUint32(HEAD_BYTES + name.length, omittedBytes);
  if (packetId !== undefined) view.setUint16(idAt, packetId);
  bytes.set(payload, start);
  return bytes;
}

function decodeMessage(bytes: Uint8Array): LogEntry {
  if (bytes.length < HEAD_BYTES) throw new SyntaxError("The log has a damaged message");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint8(1);
  const qos = qosRule.safeParse(flags & 3);
  const end = HEAD_BYTES + view.getUint16(10);
  const isOmitted = (flags & OMITTED) !== 0;
  const isIdentified = (flags & IDENTIFIED) !== 0;
  const idAt = end + (isOmitted ? 4 : 0);
  const start = idAt + (isIdentified ? 2 : 0);
  if (!qos.success || bytes.length < start) throw new SyntaxError("The log has a damaged message");
  const message: BrokerMessage = {
    topic: decodeText(bytes.subarray(HEAD_BYTES, end)),
    // Also of a Buffer, whose own views are Buffers.
    payload: new Uint8Array(bytes.buffer, bytes.byteOffset + start, bytes.length - start),
    ...isOmitted && { omittedBytes: view.getUint32(end) },
    qos: qos.data,
    retain: false,
    ...isIdentified && { packetId: view.getUint16(idAt) },
  };
  return { type: "message", message, receivedAt: view.getFloat64(2) };
}

function encodeText(type: number, text: string): Uint8Array<ArrayBuffer> {
  const encoded = utf8.encode(text);
  const bytes = new Uint8Array(1 + encoded.length);
  bytes[0] = type;
  bytes.set(encoded, 1);
  return bytes;
}

function decodeText(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    throw new SyntaxError("The log has an entry with invalid text");
  }
}

function decodeGrants(text: string): (readonly [string, QoS | undefined])[] {
  try {
    return grantsRule.parse(JSON.parse(text)).map(([filter, qos]) => [filter, qos ?? undefined]);
  } catch {
    throw new SyntaxError("The log has damaged grants");
  }
}
