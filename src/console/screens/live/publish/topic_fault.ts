/**
 * Check of a topic before a message is published to it.
 *
 * @module
 */
import { matchesFilter } from "../../../connection/topic_match.ts";

/** Fault of a topic to publish to. */
export type TopicFault = "malformed" | "notAllowed";

/** Returns what is wrong with a topic, as far as the page can tell; the gateway checks it again. */
export function topicFaultOf(topic: string, granted: readonly string[]): TopicFault | undefined {
  if (topic === "" || /[+#\p{Cc}]/u.test(topic) || !topic.isWellFormed()) return "malformed";
  return granted.some((filter) => matchesFilter(filter, topic)) ? undefined : "notAllowed";
}
