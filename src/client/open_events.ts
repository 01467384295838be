/**
 * Opens the events of a stream, in either version.
 *
 * @module
 */
import { EnvelopeError } from "../protocol/aead.ts";
import { type Exchange, openAnswer } from "../protocol/exchange.ts";
import { StreamOpener } from "../protocol/v2/stream.ts";
import type { RawEvent } from "./read_events.ts";

/**
 * Opens each event, and reads the JSON in it.
 *
 * @param exchange the request that the stream answers
 * @throws {EnvelopeError} if an event is not what it should be, in version 2 also if it is not the next one of this very
 *   stream
 * @throws {SyntaxError} if there is no JSON in it
 */
export async function* openEvents(
  events: AsyncIterable<RawEvent>,
  exchange: Exchange,
): AsyncGenerator<unknown, void> {
  let stream: StreamOpener | undefined;
  for await (const { type, id, data } of events) {
    if (exchange.version === 1) {
      yield JSON.parse(await openAnswer(exchange, data));
    } else if (stream !== undefined) {
      yield JSON.parse(await stream.open(data, id));
    } else if (type === "open") {
      stream = await StreamOpener.begin(exchange, data);
    } else throw new EnvelopeError();
  }
}
