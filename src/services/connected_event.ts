/**
 * First event of the streams of all services.
 *
 * @module
 */
import type { ConnectedEvent, Position } from "../protocol/event.ts";

/**
 * Makes the event of a stream that is granted.
 *
 * @param topics what it is subscribed to, as the request has it
 */
export function connectedEvent(topics: readonly string[], position: Position | undefined): ConnectedEvent {
  return {
    type: "connected",
    topic: topics[0] ?? "",
    topics,
    message: `Successfully connected and subscribed to ${topics.join(", ")}`,
    ...position,
  };
}
