/** Events of a subscription, shortened for comparisons. */
import type { StreamEvent } from "../../src/protocol/event.ts";
import { within } from "../support/deadline.ts";

/** Reads a subscription up to a message, and returns all events, shortened. */
export async function follow(events: AsyncIterable<StreamEvent>, last: number): Promise<string[]> {
  const seen: string[] = [];
  const read = async () => {
    for await (const event of events) {
      seen.push(shorten(event));
      if (event.type === "message" && event.offset === last) return;
    }
    throw new Error(`Subscription ended: ${seen}`);
  };
  await within("the last message", read());
  return seen;
}

/** Shortens an event. */
export function shorten(event: StreamEvent): string {
  if (event.type === "message") return `m${event.offset}`;
  return event.type === "connected" ? "connected" : `${event.type}: ${event.message}`;
}

/** Shortened event of a connection that broke off. */
export const BROKEN = "disconnected: Stream broke off";

/** Last event of a stream. */
export const final = (type: "error" | "disconnected" | "end", text: string) => ({ type, message: text, timestamp: 5 });
