/**
 * Rules for topic names and topic filters (MQTT 3.1.1, section 4.7).
 *
 * @module
 */

/** Longest topic that the wire format can carry, in bytes of UTF-8 (MQTT 3.1.1, section 1.5.3). */
export const MAX_TOPIC_BYTES = 65_535;

/** Most levels of a topic: brokers close the connection beyond their limit (aedes 100, Mosquitto 200). */
export const MAX_TOPIC_LEVELS = 100;

/** First level of topics that no client may use, for the gateway's checks of brokers. */
const GATEWAY_LEVEL = "$e2e-gateway";

/** Filter that no client can subscribe to, so that unsubscribing from it changes nothing. */
export const UNUSED_FILTER = `${GATEWAY_LEVEL}/check`;

const utf8 = new TextEncoder();

// Section 1.5.3 allows a broker to close the connection on these, and Mosquitto does: one such topic would disconnect
// all clients that share the connection.
// deno-lint-ignore no-control-regex
const CONTROL_OR_NONCHARACTER = /[\u0001-\u001f\u007f-\u009f]|\p{Noncharacter_Code_Point}/u;

/**
 * Checks a topic to publish to.
 *
 * @returns the fault, as text that follows "topic"; undefined if it is valid
 */
export function topicFault(topic: string): string | undefined {
  if (/[+#]/.test(topic)) return 'must not contain the wildcards "+" and "#"';
  return commonFault(topic);
}

/**
 * Checks a topic filter to subscribe to.
 *
 * @returns the fault, as text that follows "filter"; undefined if it is valid
 */
export function filterFault(filter: string): string | undefined {
  return wildcardFault(filter) ?? commonFault(filter);
}

/**
 * Checks a topic filter in the rights of a key, or one that a right names: it may begin with `$`, which no wildcard
 * matches (section 4.7.2).
 *
 * @returns the fault, as text that follows "filter"; undefined if it is valid
 */
export function grantFault(filter: string): string | undefined {
  if (!isSystemTopic(filter)) return filterFault(filter);
  if (filter.startsWith(`${GATEWAY_LEVEL}/`) || filter === GATEWAY_LEVEL) {
    return `must not start with "${GATEWAY_LEVEL}"`;
  }
  if (/^[$](share)?(\/|$)/.test(filter) && !/^[$]share\/[^/#]+\/./.test(filter)) {
    return "must be of the form $share/GROUP/FILTER or begin with a name such as $SYS";
  }
  return wildcardFault(filter) ?? textFault(filter);
}

/**
 * Checks a topic to publish to that a right names: it may begin with `$`.
 *
 * @returns the fault, as text that follows "topic"; undefined if it is valid
 */
export function grantedTopicFault(topic: string): string | undefined {
  return /[+#]/.test(topic) ? topicFault(topic) : grantFault(topic);
}

/** Returns whether a topic or filter begins with `$`, like those of the broker itself (section 4.7.2). */
export function isSystemTopic(text: string): boolean {
  return text.startsWith("$");
}

/** Returns whether a filter is a shared subscription: `$share/GROUP/FILTER` (MQTT 5, section 4.8.2). */
export function isShared(filter: string): boolean {
  return filter.startsWith("$share/");
}

/** Returns the filter that matches the deliveries: the same one, or that of a shared subscription. */
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
  // $SYS has data about the broker, and $share takes messages from other clients: only for keys whose rights name them.
  return isSystemTopic(text) ? 'must not start with "$"' : textFault(text);
}

/** Printable ASCII, too short to exceed a limit: almost every topic. */
const ORDINARY = /^[ -~]{1,99}$/;

function textFault(text: string): string | undefined {
  if (ORDINARY.test(text)) return undefined;
  if (text === "") return "must not be empty";
  if (text.includes("\0")) return "must not contain the character NUL";
  if (CONTROL_OR_NONCHARACTER.test(text)) return "must not contain control characters";
  // Lone surrogates have no UTF-8 encoding: the topic would change silently.
  if (!text.isWellFormed()) return "must be well-formed Unicode";
  if (text.split("/").length > MAX_TOPIC_LEVELS) return `must not have more than ${MAX_TOPIC_LEVELS} levels`;
  if (utf8.encode(text).length > MAX_TOPIC_BYTES) return `must not be longer than ${MAX_TOPIC_BYTES} bytes`;
  return undefined;
}
