/**
 * Rules for topic names and topic filters (MQTT 3.1.1, section 4.7).
 *
 * @module
 */

/** Longest topic that the wire format can carry, in bytes of UTF-8 (MQTT 3.1.1, section 1.5.3). */
export const MAX_TOPIC_BYTES = 65_535;

/** Most levels in a topic: brokers drop the whole connection beyond their limit (aedes 100, Mosquitto 200). */
export const MAX_TOPIC_LEVELS = 100;

const utf8 = new TextEncoder();

// Section 1.5.3 lets a broker close the connection on these, and Mosquitto does: on a connection that many
// clients share, one such topic would cut off all of them.
// deno-lint-ignore no-control-regex
const CONTROL_OR_NONCHARACTER = /[\u0001-\u001f\u007f-\u009f]|\p{Noncharacter_Code_Point}/u;

/**
 * Says what is wrong with a topic that a client wants to publish to.
 *
 * @returns the fault, in words that follow the word "topic", or undefined when there is none
 */
export function topicFault(topic: string): string | undefined {
  if (/[+#]/.test(topic)) return 'must not contain the wildcards "+" and "#"';
  return commonFault(topic);
}

/**
 * Says what is wrong with a topic filter that a client wants to subscribe to.
 *
 * @returns the fault, in words that follow the word "filter", or undefined when there is none
 */
export function filterFault(filter: string): string | undefined {
  const levels = filter.split("/");
  if (levels.some((level, index) => level.includes("#") && (level !== "#" || index !== levels.length - 1))) {
    return 'may have "#" only as its whole last level';
  }
  if (levels.some((level) => level.includes("+") && level !== "+")) {
    return 'may have "+" only as a whole level';
  }
  return commonFault(filter);
}

function commonFault(text: string): string | undefined {
  if (text === "") return "must not be empty";
  // "$" topics are the broker's own: $SYS tells about it, $share would take messages away from other listeners.
  if (text.startsWith("$")) return 'must not start with "$"';
  if (text.includes("\0")) return "must not contain the character NUL";
  if (CONTROL_OR_NONCHARACTER.test(text)) return "must not contain control characters";
  // Lone surrogates have no UTF-8 form: encoding would change the topic silently.
  if (!text.isWellFormed()) return "must be well-formed Unicode";
  if (text.split("/").length > MAX_TOPIC_LEVELS) return `must not have more than ${MAX_TOPIC_LEVELS} levels`;
  if (utf8.encode(text).length > MAX_TOPIC_BYTES) return `must not be longer than ${MAX_TOPIC_BYTES} bytes`;
  return undefined;
}
