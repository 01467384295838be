/** Reads a subscription event by event. */
import { assertEquals } from "@std/assert";
import type { Position, StreamEvent } from "../../src/protocol/event.ts";
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

/** Returns the position of an event; fails if it has none. */
export function positionOf(event: StreamEvent): Position {
  const { epoch, offset } = event as Partial<Position>;
  if (epoch === undefined || offset === undefined) throw new Error(`${event.type} has no position`);
  return { epoch, offset };
}
