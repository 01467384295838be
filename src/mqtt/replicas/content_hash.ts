/**
 * Recognizes two deliveries of one message by their contents.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { BrokerMessage } from "../broker.ts";

/** Returns a hash of topic and payload. */
export function contentHash({ topic, payload, omittedBytes }: BrokerMessage): string {
  // No topic contains U+0000 (MQTT 5, section 4.7.3).
  return createHash("sha256").update(`${topic}\0${omittedBytes ?? ""}\0`).update(payload).digest("base64");
}
