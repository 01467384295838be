/**
 * Positions in a stream.
 *
 * @module
 */
import type { ConnectedEvent, Position } from "@e2e-gateway/client";

/** Returns the later position; retained messages may be older than others that came already. */
export function laterOf(position: Position | undefined, { epoch, offset }: Position): Position {
  return position?.epoch === epoch && position.offset > offset ? position : { epoch, offset };
}

/** Returns the event of a stream that does not go on from where another one ended. */
export function withoutPosition({ type, topic, topics, message }: ConnectedEvent): ConnectedEvent {
  return { type, topic, topics, message };
}
