/** What a test sees of a subscription. */
import type { StreamEvent } from "../../src/protocol/event.ts";
import { within } from "../support/deadline.ts";

/** Follows a subscription to a message, and returns all events in short. */
export async function follow(events: AsyncIterable<StreamEvent>, last: number): Promise<string[]> {
  const seen: string[] = [];
  const read = async () => {
    for await (const event of events) {
      seen.push(inShort(event));
      if (event.type === "message" && event.offset === last) return;
    }
    throw new Error(`Subscription ended: ${seen}`);
  };
  await within("the last message", read());
  return seen;
}

/** An event in short. */
export function inShort(event: StreamEvent): string {
  if (event.type === "message") return `m${event.offset}`;
  return event.type === "connected" ? "connected" : `${event.type}: ${event.message}`;
}

/** A line that broke off. */
export const BROKEN = "disconnected: Stream broke off";

/** A last event. */
export const final = (type: "error" | "disconnected" | "end", text: string) => ({ type, message: text, timestamp: 5 });
