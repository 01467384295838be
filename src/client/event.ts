/**
 * Events of a gateway, opened.
 *
 * @module
 */
import { isObject } from "../lib/json.ts";
import type { StreamEvent } from "../protocol/event.ts";

const EVENT_TYPES: readonly unknown[] = [
  "connected",
  "message",
  "gap",
  "offline",
  "online",
  "error",
  "disconnected",
  "end",
] satisfies StreamEvent["type"][];

/**
 * Parses an opened event.
 *
 * @param json plaintext of the event
 * @returns the event, or each message of a batch, in order; nothing for a heartbeat, and for an event of a type that only
 *   newer clients know
 * @throws {SyntaxError} if it is malformed
 */
export function parseEvents(json: string): readonly StreamEvent[] {
  const event: unknown = JSON.parse(json);
  if (!isObject(event) || typeof event["type"] !== "string") throw new SyntaxError("Event has no type");
  if (event["type"] === "messages") return parseBatch(event["messages"]);
  return isStreamEvent(event) ? [event] : [];
}

function parseBatch(messages: unknown): readonly StreamEvent[] {
  if (!Array.isArray(messages) || messages.length === 0) throw new SyntaxError("Batch has no messages");
  return messages.map((message: unknown) => {
    const event: unknown = isObject(message) ? { ...message, type: "message" } : message;
    if (!isStreamEvent(event)) throw new SyntaxError("Batch has something else than messages");
    return event;
  });
}

function isStreamEvent(value: unknown): value is StreamEvent {
  return isObject(value) && EVENT_TYPES.includes(value["type"]);
}
