/**
 * Requests to push services (RFC 8030, section 5): one encrypted message.
 *
 * @module
 */
import { type Bytes, type RandomBytes, toBase64Url } from "../protocol/bytes.ts";
import { encryptPush, parseAuth } from "../protocol/push/message_encryption.ts";
import { MAX_TTL_SECONDS, type Urgency } from "./rules/rule.ts";
import type { PushSubscription } from "./subscription.ts";

/** Message for one subscription. */
export interface PushMessage {
  /** Text, which only the device can read. */
  readonly text: string;
  /** Importance, which the service can read. */
  readonly urgency: Urgency;
  /** End of its lifetime, in milliseconds since 1970. */
  readonly expires: number;
  /** Name under which it replaces an undelivered older one. The service cannot read it. */
  readonly topic?: string | undefined;
}

/** Request that is ready to be sent with POST, to the endpoint of the subscription. */
export interface PushRequest {
  /** Headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** Encrypted message. */
  readonly body: Bytes;
}

/** Parts that a request is made with. */
export interface PushRequestOptions {
  /** Header `Authorization`. */
  readonly authorization: string;
  /** The time, in milliseconds since 1970. */
  readonly now: number;
  /** Makes the salt. */
  readonly randomBytes: RandomBytes;
}

/** Length of a topic before its encoding, in bytes: services accept 32 characters (RFC 8030, section 5.4). */
const TOPIC_BYTES = 24;

/**
 * Makes the request for a message.
 *
 * @throws {TypeError} if a key of the subscription is not valid, `RangeError` if the text is too long
 */
export async function makePushRequest(
  { text, urgency, expires, topic }: PushMessage,
  { keys }: Pick<PushSubscription, "keys">,
  { authorization, now, randomBytes }: PushRequestOptions,
): Promise<PushRequest> {
  // A clock that was set back leaves messages that end too late, and services refuse a longer lifetime.
  const ttl = Math.min(Math.max(0, Math.ceil((expires - now) / 1000)), MAX_TTL_SECONDS);
  return {
    headers: {
      "Authorization": authorization,
      "Content-Encoding": "aes128gcm",
      "Content-Type": "application/octet-stream",
      "TTL": String(ttl),
      "Urgency": urgency,
      ...topic === undefined ? {} : { "Topic": await topicHeader(topic, keys.auth) },
    },
    body: await encryptPush(text, keys, { randomBytes }),
  };
}

/**
 * Makes the header `Topic`: the same for the same name in one subscription, and for nothing else. The name itself may
 * tell what the alert is about; the authentication secret is known to the device and the gateway alone.
 *
 * @throws {TypeError} if the secret is not valid
 */
export async function topicHeader(topic: string, auth: string): Promise<string> {
  const secret = parseAuth(auth);
  if (secret === undefined) throw new TypeError("keys.auth must be base64url of 16 bytes");
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, hmac, false, ["sign"]);
  const digest = new Uint8Array(await crypto.subtle.sign(hmac, key, new TextEncoder().encode(`e2eg topic\n${topic}`)));
  return toBase64Url(digest.slice(0, TOPIC_BYTES));
}
