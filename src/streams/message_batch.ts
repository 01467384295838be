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

/** Replaces each run of messages by one event; other events, and single messages, stay as they are and in their place. */
export function joinMessages(events: readonly OutgoingEvent[]): EventText[] {
  const joined: EventText[] = [];
  let end = 0;
  for (let start = 0; start < events.length; start = end) {
    do end += 1; while (events[start]?.isMessage && events[end]?.isMessage);
    const run = events.slice(start, end);
    joined.push(...run.length === 1 ? run : [messagesEvent(run.map(({ plaintext }) => plaintext))]);
  }
  return joined;
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
