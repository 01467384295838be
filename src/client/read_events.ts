/**
 * Reads Server-Sent Events, as far as the gateway uses them: `event:`, `id:` and `data:` lines, and comments.
 *
 * @module
 */

/** One event as it came. */
export interface RawEvent {
  /** Its type; empty where it has none. */
  readonly type: string;
  /** Its own id; empty where it has none. */
  readonly id: string;
  /** Its data, lines joined. */
  readonly data: string;
}

/**
 * Most characters between two empty lines. The largest event of a gateway, 8 MiB of payload, is far below, and what is
 * above would fill the memory of a phone.
 */
const EVENT_MAX_LENGTH = 64 * 2 ** 20;

/** An event is larger than any gateway's. */
export class EventTooLargeError extends Error {}

/**
 * Reads each complete event that has data. What is cut off before its empty line is no event and is left out; a parser
 * that hands it over at the end would pass half an envelope for a forged one.
 *
 * @param chunks the body, however it is cut
 * @throws {EventTooLargeError} if there is no end to an event
 */
export async function* readEvents(
  chunks: AsyncIterable<Uint8Array>,
  maxLength: number = EVENT_MAX_LENGTH,
): AsyncGenerator<RawEvent, void> {
  const decoder = new TextDecoder();
  let line = "";
  let fields: Partial<RawEvent> = {};
  // Of the lines since the last empty one.
  let length = 0;
  for await (const chunk of chunks) {
    // Only what is new is searched for line ends: an event can be megabytes long, in many chunks.
    const [end = "", ...next] = decoder.decode(chunk, { stream: true }).split("\n");
    line += end;
    for (const start of next) {
      const text = line.endsWith("\r") ? line.slice(0, -1) : line;
      line = start;
      if (text !== "") {
        fields = withLine(fields, text);
        length += text.length;
        continue;
      }
      const { type = "", id = "", data } = fields;
      fields = {};
      length = 0;
      if (data !== undefined) yield { type, id, data };
    }
    if (length + line.length > maxLength) throw new EventTooLargeError();
  }
}

function withLine(fields: Partial<RawEvent>, text: string): Partial<RawEvent> {
  const colon = text.indexOf(":");
  const value = text.slice(text[colon + 1] === " " ? colon + 2 : colon + 1);
  switch (text.slice(0, Math.max(colon, 0))) {
    case "event":
      return { ...fields, type: value };
    case "id":
      return { ...fields, id: value };
    case "data":
      return { ...fields, data: fields.data === undefined ? value : `${fields.data}\n${value}` };
    default:
      return fields;
  }
}
