/** Fields by which a message of the gateway is told from a request: in version 1 anything that was sealed could be either. */
import type { Seeded } from "./seeded_random.ts";

/** What the gateway answers to one of its own messages that comes as a request. */
export const OWN_MESSAGE = "is a message of the gateway, not a request";

/** Types of events that the gateway seals. */
const EVENT_TYPES = ["connected", "message", "gap", "offline", "online", "error", "disconnected"];

/** Draws the fields of an answer or of a stream's event. */
export function ownMessage(random: Seeded): Readonly<Record<string, unknown>> {
  return random.chance(0.5)
    ? { status: random.pick([200, 403, 500]), body: random.pick<unknown>(["text", null, {}, [1]]) }
    : { type: random.pick(EVENT_TYPES), payload: "x", epoch: "fuzz", offset: random.below(99) };
}
