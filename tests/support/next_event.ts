/** Reads a subscription event by event. */
import { assertEquals } from "@std/assert";
import type { StreamEvent } from "../../src/protocol/event.ts";
import { within } from "./deadline.ts";

/** Returns the next event of a stream; fails if it is of another type. */
export async function nextEvent(
  events: AsyncGenerator<StreamEvent, void>,
  type: StreamEvent["type"],
): Promise<StreamEvent> {
  const { value, done } = await within(type, events.next());
  if (done || value === undefined) throw new Error(`Stream ended before ${type}`);
  assertEquals(value.type, type, JSON.stringify(value));
  return value;
}
