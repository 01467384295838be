/**
 * How the events of a stream are written, as Server-Sent Events: sealed once for all listeners of a key in version 1,
 * numbered and sealed for one listener alone in version 2.
 *
 * @module
 */
import type { PingEvent } from "../protocol/event.ts";
import type { Version } from "../protocol/exchange.ts";
import type { StreamSealer } from "../protocol/v2/stream.ts";
import { LARGE_EVENT_BYTES } from "./large_records.ts";
import type { OutgoingEvent } from "./outgoing_event.ts";

/** Writes one stream. */
export interface StreamFormat {
  /** Which version it is of. */
  readonly version: Version;
  /** What the stream begins with. */
  readonly opening?: Uint8Array;
  /** Is told of an event that somebody waits for, in the turn in which it came: it will be written next. */
  prepare(event: OutgoingEvent): void;
  /** Writes the next event. The order of calls is the order of the stream. */
  record(event: OutgoingEvent): Uint8Array | Promise<Uint8Array>;
  /**
   * Writes a sign of life.
   *
   * @param timestamp the time, in whole seconds since 1970
   */
  heartbeat(timestamp: number): Uint8Array | Promise<Uint8Array>;
}

const utf8 = new TextEncoder();

const KEEP_ALIVE = utf8.encode(": keepalive\n\n");

/** Writes streams of version 1. */
export const SHARED_FORMAT: StreamFormat = {
  version: 1,
  prepare: (event) => event.length > LARGE_EVENT_BYTES ? undefined : void event.sharedRecord(),
  record: (event) => event.sharedRecord(),
  heartbeat: () => KEEP_ALIVE,
};

/** Who is told of the work that streams make. */
export interface SealingWork {
  /** Is told how many bytes will be sealed when this turn is over. */
  expect(bytes: number): void;
  /** Is told of each sealing, and how many bytes it is about; begins it when it is its turn. */
  count(bytes: number, seal: () => Promise<Uint8Array>): Promise<Uint8Array>;
}

/** Makes what writes one stream of version 2. */
export function numberedFormat(stream: StreamSealer, work: SealingWork): StreamFormat {
  function write(event: Pick<OutgoingEvent, "length" | "plaintext">): Promise<Uint8Array> {
    // One that is large waits alone: nothing else of the stream is written before, and the order stays.
    return work.count(event.length, async () => {
      const { n, text } = stream.seal(event.plaintext);
      return utf8.encode(`id: ${n}\ndata: ${await text}\n\n`);
    });
  }
  return {
    version: 2,
    opening: utf8.encode(`event: open\ndata: ${stream.opening}\n\n`),
    // The number is taken when the event is written: a sign of life may come before it.
    prepare: ({ length }) => work.expect(length),
    record: write,
    heartbeat(timestamp) {
      const ping: PingEvent = { type: "ping", timestamp };
      const plaintext = utf8.encode(JSON.stringify(ping));
      return write({ length: plaintext.length, plaintext });
    },
  };
}
