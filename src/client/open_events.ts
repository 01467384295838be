/**
 * Opens the events of a stream, in either version.
 *
 * @module
 */
import { EnvelopeError } from "../protocol/aead.ts";
import { type Exchange, openAnswer } from "../protocol/exchange.ts";
import { StreamOpener } from "../protocol/stream_v2.ts";
import type { RawEvent } from "./read_events.ts";

/**
 * Opens each event, and reads the JSON in it.
 *
 * @param exchange the request that the stream answers
 * @param forged makes the error for an event that is not what it should be, from what was found
 * @throws what `forged` makes: in version 2 also for an event that is not the next one of this very stream
 */
export async function* openEvents(
  events: AsyncIterable<RawEvent>,
  { exchange, forged }: { readonly exchange: Exchange; readonly forged: (cause: unknown) => Error },
): AsyncGenerator<unknown, void> {
  let stream: StreamOpener | undefined;
  for await (const { type, id, data } of events) {
    let value: unknown;
    try {
      if (exchange.version === 1) {
        value = JSON.parse(await openAnswer(exchange, data));
      } else if (stream === undefined) {
        if (type !== "open") throw new EnvelopeError();
        stream = await StreamOpener.begin(exchange, data);
        continue;
      } else {
        value = JSON.parse(await stream.open(data, id));
      }
    } catch (error) {
      throw forged(error);
    }
    yield value;
  }
}
