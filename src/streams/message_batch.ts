/**
 * Batches: messages that waited together, in one event.
 *
 * @module
 */
import type { Bytes } from "../protocol/bytes.ts";
import type { OutgoingEvent } from "./outgoing_event.ts";

/** Text of an event, in UTF-8. */
export type EventText = Pick<OutgoingEvent, "length" | "plaintext">;

const utf8 = new TextEncoder();

/** Begin of the text of each message; in a batch it has no type. */
export const MESSAGE_BEGIN = `{"type":"message",`;

const TYPE = utf8.encode(MESSAGE_BEGIN);

const BEGIN = utf8.encode(`{"type":"messages","messages":[`);
const END = utf8.encode("]}");
const OPEN = "{".charCodeAt(0);
const COMMA = ",".charCodeAt(0);

/** Most bytes of messages in the first batch of a stream: two short ones. */
const FIRST_BATCH_BYTES = 256;

/** Most bytes of messages in a batch. */
const MAX_BATCH_BYTES = 32 * 1024;

/**
 * Joins the messages of one stream. Its batches grow, each to twice the size of the one before: over a connection that
 * breaks often, a stream that resumes gets at least its first messages each time.
 */
export class MessageBatches {
  #maxBytes = FIRST_BATCH_BYTES;

  /** Replaces runs of messages by single events; other events, and single messages, stay as they are and in their place. */
  join(events: readonly OutgoingEvent[]): EventText[] {
    const joined: EventText[] = [];
    let end = 0;
    for (let start = 0; start < events.length; start = end) {
      end = this.#endOfRun(events, start);
      const run = events.slice(start, end);
      joined.push(...run.length === 1 ? run : [messagesEvent(run.map(({ plaintext }) => plaintext))]);
    }
    return joined;
  }

  #endOfRun(events: readonly OutgoingEvent[], start: number): number {
    const first = events[start];
    if (first?.isMessage !== true) return start + 1;
    let end = start + 1;
    let bytes = first.length;
    for (let next = events[end]; next?.isMessage && bytes + next.length <= this.#maxBytes; next = events[end]) {
      bytes += next.length;
      end += 1;
    }
    this.#maxBytes = Math.min(2 * this.#maxBytes, MAX_BATCH_BYTES);
    return end;
  }
}

/** Returns the text of an event of type `messages`, from the texts of events of type `message`. */
function messagesEvent(messages: readonly Bytes[]): EventText {
  // A comma after each but the last, and one byte in place of the type.
  const length = messages.reduce((sum, { length }) => sum + length - TYPE.length + 2, -1) + BEGIN.length + END.length;
  const plaintext = new Uint8Array(length);
  plaintext.set(BEGIN);
  let offset = BEGIN.length;
  for (const message of messages) {
    if (offset > BEGIN.length) plaintext[offset++] = COMMA;
    plaintext[offset++] = OPEN;
    plaintext.set(message.subarray(TYPE.length), offset);
    offset += message.length - TYPE.length;
  }
  plaintext.set(END, offset);
  return { length, plaintext };
}
