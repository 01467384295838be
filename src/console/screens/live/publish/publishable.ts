/**
 * Topics that a key may publish to.
 *
 * @module
 */
import { isObject } from "../../../../lib/json.ts";
import type { DeviceInfo } from "../../../connection/device_info.ts";
import { matchesFilter } from "../../../connection/topic_match.ts";

/** Returns the topic filters that the key may publish below. */
export function publishableTopics({ rights }: Pick<DeviceInfo, "rights">): readonly string[] {
  const mqtt = rights["mqtt"];
  const publish = isObject(mqtt) ? mqtt["publish"] : undefined;
  return Array.isArray(publish) ? publish.filter((filter) => typeof filter === "string") : [];
}

/** Fault of a topic to publish to. */
export type TopicFault = "malformed" | "notAllowed";

/** Returns what is wrong with a topic, as far as the page can tell; the gateway checks it again. */
export function topicFaultOf(topic: string, granted: readonly string[]): TopicFault | undefined {
  if (topic === "" || /[+#\p{Cc}]/u.test(topic) || !topic.isWellFormed()) return "malformed";
  return granted.some((filter) => matchesFilter(filter, topic)) ? undefined : "notAllowed";
}
