/**
 * Rules for topic names and topic filters (MQTT 3.1.1, section 4.7).
 *
 * @module
 */

/** Longest topic that the wire format can carry, in bytes of UTF-8 (MQTT 3.1.1, section 1.5.3). */
export const MAX_TOPIC_BYTES = 65_535;

/** Most levels in a topic: brokers drop the whole connection beyond their limit (aedes 100, Mosquitto 200). */
export const MAX_TOPIC_LEVELS = 100;

/** First level of topics that no client may use: the gateway asks brokers for a sign of life with it. */
const OWN_LEVEL = "$e2e-gateway";

/**
 * A filter that no client can have. Unsubscribing from it is a round trip that changes nothing.
 */
export const UNUSED_FILTER = `${OWN_LEVEL}/check`;

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
  return wildcardFault(filter) ?? commonFault(filter);
}

/**
 * Says what is wrong with a topic filter that a key is to be granted, or that names what is granted: it may begin with
 * `$`, which no wildcard stands for (section 4.7.2).
 *
 * @returns the fault, in words that follow the word "filter", or undefined when there is none
 */
export function grantFault(filter: string): string | undefined {
  if (!isSystemTopic(filter)) return filterFault(filter);
  if (filter.startsWith(`${OWN_LEVEL}/`) || filter === OWN_LEVEL) return `must not start with "${OWN_LEVEL}"`;
  if (/^[$](share)?(\/|$)/.test(filter) && !/^[$]share\/[^/#]+\/./.test(filter)) {
    return "must be of the form $share/GROUP/FILTER or begin with a name such as $SYS";
  }
  return wildcardFault(filter) ?? textFault(filter);
}

/**
 * Says what is wrong with a topic to publish to that a key names as granted: it may begin with `$`.
 *
 * @returns the fault, in words that follow the word "topic", or undefined when there is none
 */
export function grantedTopicFault(topic: string): string | undefined {
  return /[+#]/.test(topic) ? topicFault(topic) : grantFault(topic);
}

/** Tells whether a topic or filter is of the broker's own kind: those that begin with `$` (section 4.7.2). */
export function isSystemTopic(text: string): boolean {
  return text.startsWith("$");
}

/** Tells whether a filter is for a share of the messages: `$share/GROUP/FILTER` (MQTT 5, section 4.8.2). */
export function isShared(filter: string): boolean {
  return filter.startsWith("$share/");
}

/** The filter whose topics a broker delivers for a filter: the same one, or what follows `$share/GROUP/`. */
export function deliveredFilter(filter: string): string {
  return isShared(filter) ? filter.split("/").slice(2).join("/") : filter;
}

function wildcardFault(filter: string): string | undefined {
  const levels = filter.split("/");
  if (levels.some((level, index) => level.includes("#") && (level !== "#" || index !== levels.length - 1))) {
    return 'may have "#" only as its whole last level';
  }
  if (levels.some((level) => level.includes("+") && level !== "+")) {
    return 'may have "+" only as a whole level';
  }
  return undefined;
}

function commonFault(text: string): string | undefined {
  // $SYS tells about the broker, $share takes messages away from other listeners: only for keys that name them.
  return isSystemTopic(text) ? 'must not start with "$"' : textFault(text);
}

function textFault(text: string): string | undefined {
  if (text === "") return "must not be empty";
  if (text.includes("\0")) return "must not contain the character NUL";
  if (CONTROL_OR_NONCHARACTER.test(text)) return "must not contain control characters";
  // Lone surrogates have no UTF-8 form: encoding would change the topic silently.
  if (!text.isWellFormed()) return "must be well-formed Unicode";
  if (text.split("/").length > MAX_TOPIC_LEVELS) return `must not have more than ${MAX_TOPIC_LEVELS} levels`;
  if (utf8.encode(text).length > MAX_TOPIC_BYTES) return `must not be longer than ${MAX_TOPIC_BYTES} bytes`;
  return undefined;
}
