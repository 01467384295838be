/**
 * Messages about states, without the names of entities that a key may not read.
 *
 * @module
 */
import { parseExact } from "../../lib/exact_json.ts";
import type { SharedMessage } from "../../streams/shared_message.ts";
import { limitState, type MayRead } from "./states.ts";

/** Limits a message to what a key may read. */
export type LimitMessage = (message: SharedMessage) => SharedMessage;

const utf8 = new TextEncoder();

/** Makes the function that limits messages for one key: the result is the same object for all of its listeners. */
export function createLimitMessage(mayRead: MayRead): LimitMessage {
  const limited = new WeakMap<SharedMessage, SharedMessage>();
  return (message) => {
    const known = limited.get(message);
    if (known !== undefined) return known;
    const { payload } = message;
    const state = limitState(parseExact(String(payload)), mayRead);
    // That an entity was removed has no state.
    const json = state === undefined ? payload : JSON.stringify(state);
    const made = json === payload
      ? message
      : { ...message, payload: json, payloadBytes: utf8.encode(String(json)).length };
    limited.set(message, made);
    return made;
  };
}
