/** Opens the records of one stream of events, in either version of the protocol. */
import type { MessageEvent, MessagesEvent, StreamEvent } from "../../../src/protocol/event.ts";
import type { Exchange } from "../../../src/protocol/exchange.ts";
import { openEnvelope, parseEnvelope } from "../../../src/protocol/v1/envelope.ts";
import { StreamOpener } from "../../../src/protocol/v2/stream.ts";

/** Opens the next record of a stream; the messages of a batch come as events of their own. */
export type OpenRecord = (record: string) => Promise<StreamEvent[]>;

/**
 * Returns the function that opens the records of a stream, in order.
 *
 * @param opened events of version 1 by their records, which are the same for all listeners
 */
export function recordOpener(exchange: Exchange, opened: Map<string, Promise<StreamEvent[]>>): OpenRecord {
  if (exchange.version === 1) {
    return (record) => {
      const known = opened.get(record);
      if (known !== undefined) return known;
      const text = fieldOf(record, /^data: (.*)$/);
      const opening = openEnvelope(exchange.key.aead, parseEnvelope(text)).then(eventsOf);
      opened.set(record, opening);
      return opening;
    };
  }
  let opener: StreamOpener | undefined;
  return async (record) => {
    if (opener === undefined) {
      opener = await StreamOpener.begin(exchange, fieldOf(record, /^event: open\ndata: (.*)$/));
      return [];
    }
    return eventsOf(await opener.open(fieldOf(record, /^id: .*\ndata: (.*)$/), fieldOf(record, /^id: (.*)\n/)));
  };
}

function fieldOf(record: string, pattern: RegExp): string {
  const [, field] = pattern.exec(record) ?? [];
  if (field === undefined) throw new Error(`Not an event: "${record}"`);
  return field;
}

function eventsOf(text: string): StreamEvent[] {
  const event: StreamEvent | MessagesEvent | { readonly type: "ping" } = JSON.parse(text);
  if (event.type === "ping") return [];
  return event.type === "messages"
    ? event.messages.map((message): MessageEvent => ({ type: "message", ...message }))
    : [event];
}
