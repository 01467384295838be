/**
 * Reader of Server-Sent Events (WHATWG HTML, section 9.2). Uses only what Node 20 and browsers have: the client is built
 * on it.
 *
 * @module
 */

/** Lines up to an empty one, by field; a field without a line is absent. */
export interface ServerSentEvent {
  /** Type of the event. */
  readonly event?: string;
  /** Id of this event; never that of an earlier one. */
  readonly id?: string;
  /** Data, its lines joined by line feeds; absent where only comments or other fields came. */
  readonly data?: string;
  /** Wait before a reconnect, in milliseconds. */
  readonly retry?: number;
  /** Comment, its lines joined by line feeds. */
  readonly comment?: string;
}

/** Limit of a reader. */
export interface ReadServerSentEventsOptions {
  /** Most characters between two empty lines; without limit by default. */
  readonly maxLength?: number;
}

/** An event is longer than its reader allows. */
export class EventTooLargeError extends Error {
  /** Makes the error. */
  constructor(readonly maxLength: number) {
    super(`Event is longer than ${maxLength} characters`);
    this.name = "EventTooLargeError";
  }
}

type Draft = { -readonly [Field in keyof ServerSentEvent]: ServerSentEvent[Field] };

/**
 * Reads each complete event. An event that is cut off before its empty line is dropped, as the standard has it: half an
 * envelope must not be taken for a forged one.
 *
 * @param chunks body in chunks, which may end within a line or a character
 * @throws {EventTooLargeError} as soon as an event is longer than `maxLength`
 */
export async function* readServerSentEvents(
  chunks: AsyncIterable<Uint8Array>,
  { maxLength = Infinity }: ReadServerSentEventsOptions = {},
): AsyncGenerator<ServerSentEvent, void> {
  const decoder = new TextDecoder();
  let line = "";
  let endsInCr = false;
  let event: Draft = {};
  let length = 0;
  for await (const chunk of chunks) {
    const decoded = decoder.decode(chunk, { stream: true });
    if (decoded === "") continue;
    // CR and LF in two chunks end one line.
    const text = endsInCr && decoded.startsWith("\n") ? decoded.slice(1) : decoded;
    endsInCr = decoded.endsWith("\r");
    // Only new text is searched for line ends: an event can be megabytes long, in many chunks.
    const [end = "", ...next] = text.split(/\r\n|\r|\n/);
    line += end;
    for (const start of next) {
      if (line !== "") {
        addLine(event, line);
        length += line.length;
      } else {
        const complete = event;
        event = {};
        length = 0;
        if (Object.keys(complete).length > 0) yield complete;
      }
      line = start;
    }
    if (length + line.length > maxLength) throw new EventTooLargeError(maxLength);
  }
}

function addLine(event: Draft, line: string): void {
  const colon = line.indexOf(":");
  const field = colon === -1 ? line : line.slice(0, colon);
  const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
  switch (field) {
    case "":
      event.comment = event.comment === undefined ? value : `${event.comment}\n${value}`;
      return;
    case "event":
      event.event = value;
      return;
    case "id":
      if (!value.includes("\0")) event.id = value;
      return;
    case "data":
      event.data = event.data === undefined ? value : `${event.data}\n${value}`;
      return;
    case "retry":
      if (/^[0-9]+$/.test(value)) event.retry = Number(value);
  }
}
