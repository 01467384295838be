/**
 * Messages about states, without the names of entities that a key may not read.
 *
 * @module
 */
import { parseExact } from "../../lib/exact_json.ts";
import type { SharedMessage } from "../../streams/shared_message.ts";
import { KNOWN_ENTITY } from "./entities.ts";
import { limitState, type MayRead } from "./states.ts";

/** Limits a message to what a key may read. */
export type LimitMessage = (message: SharedMessage) => SharedMessage;

const utf8 = new TextEncoder();

/** Makes the function that limits messages for one key: the result is the same object for all of its listeners. */
export function createLimitMessage(mayRead: MayRead): LimitMessage {
  const limited = new WeakMap<SharedMessage, SharedMessage>();

  function limit(message: SharedMessage): SharedMessage {
    const text = String(message.payload);
    // Most name no other entity: they need not be parsed. No character of an id is ever escaped in JSON.
    const isLimited = text.matchAll(KNOWN_ENTITY).some(([name]) => !mayRead(name));
    if (!isLimited) return message;
    const payload = JSON.stringify(limitState(parseExact(text), mayRead) ?? null);
    if (payload === text) return message;
    return { ...message, payload, payloadBytes: utf8.encode(payload).length };
  }

  return (message) => {
    const known = limited.get(message);
    if (known !== undefined) return known;
    const made = limit(message);
    limited.set(message, made);
    return made;
  };
}
