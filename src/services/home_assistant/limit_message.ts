/**
 * Messages about states, without the names of entities that a key may not read.
 *
 * @module
 */
import { parseExact } from "../../lib/exact_json.ts";
import type { SharedMessage } from "../../streams/shared_message.ts";
import { isKnownEntity } from "./entities.ts";
import { limitState, type MayRead } from "./states.ts";

/** Limits a message to what a key may read. */
export type LimitMessage = (message: SharedMessage) => SharedMessage;

/** Escape in JSON, or word that may be the id of an entity: none of its characters is ever escaped. */
const ESCAPE_OR_WORD = /\\(?:u.{4}|.)|[a-z0-9_.]+/g;

const utf8 = new TextEncoder();

/** Makes the function that limits messages for one key: the result is the same object for all of its listeners. */
export function createLimitMessage(mayRead: MayRead): LimitMessage {
  const limited = new WeakMap<SharedMessage, SharedMessage>();

  function limit(message: SharedMessage): SharedMessage {
    const text = String(message.payload);
    const isLimited = text.matchAll(ESCAPE_OR_WORD).some(([word]) => isKnownEntity(word) && !mayRead(word));
    if (!isLimited) return message;
    const payload = JSON.stringify(limitState(parseExact(text), mayRead) ?? null);
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
