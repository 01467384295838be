/**
 * Subscriptions of devices: the push service, and the keys that messages are encrypted for.
 *
 * @module
 */
import { z } from "zod";
import { errorText } from "../lib/errors.ts";
import { isVisible } from "../lib/visible.ts";
import type { HostPattern } from "../net/egress.ts";
import { isPublicPoint } from "../protocol/p256.ts";
import { parseAuth, type PushSubscriptionKeys } from "../protocol/push/message_encryption.ts";
import { parseEndpoint } from "./endpoint.ts";
import { fieldFault, parseValue } from "./field_fault.ts";

/** Subscription of a device. */
export interface PushSubscription {
  /** Address at the push service. Secret: a program that knows it can send messages, though none that decrypt. */
  readonly endpoint: URL;
  /** Keys of the device. */
  readonly keys: PushSubscriptionKeys;
  /** Kind of the receiver: a browser's page, or an app with UnifiedPush. */
  readonly kind: "web" | "unifiedpush";
  /** Text for people, which tells one device from another. */
  readonly label?: string | undefined;
}

/** Longest label, in UTF-16 code units; that of a key has the same limit. */
const MAX_LABEL_LENGTH = 64;

/** Longest text of a key, in characters: a bound for the work of parsing. */
const MAX_KEY_LENGTH = 100;

const AUTH_RULE = "must be base64url of 16 bytes, without padding";
const POINT_RULE = "must be base64url of an uncompressed point of P-256, 65 bytes, without padding";
const LABEL_RULE = `must be text of 1 to ${MAX_LABEL_LENGTH} characters in one line, without control characters`;
const KIND_RULE = "must be web or unifiedpush";

/** Fields that it does not know are ignored: browsers add `expirationTime`. */
const schema = z.object({
  endpoint: z.string("must be a text"),
  keys: z.object({
    p256dh: z.string(POINT_RULE).max(MAX_KEY_LENGTH, POINT_RULE),
    auth: z.string(AUTH_RULE).max(MAX_KEY_LENGTH, AUTH_RULE).refine((text) => parseAuth(text) !== undefined, AUTH_RULE),
  }, "must be an object with p256dh and auth"),
  kind: z.enum(["web", "unifiedpush"], KIND_RULE),
  label: z.string(LABEL_RULE).refine(isLabel, LABEL_RULE).nullish().transform((text) => text ?? undefined),
}, "must be an object with endpoint, keys and kind");

/**
 * Parses the subscription of a request.
 *
 * @param allowed hosts of push services, those of the browsers included
 * @param name field of the request that has it
 * @throws {FieldError} naming the field that is missing or wrong; it quotes neither endpoint nor keys
 */
export async function parseSubscription(
  value: unknown,
  { allowed, name = "subscribe" }: { readonly allowed: readonly HostPattern[]; readonly name?: string },
): Promise<PushSubscription> {
  const { endpoint: text, keys, kind, label } = parseValue(schema, value, name);
  const endpoint = endpointOf(text, allowed, name);
  if (!await isPublicPoint(keys.p256dh)) throw fieldFault([name, "keys", "p256dh"], POINT_RULE);
  return label === undefined ? { endpoint, keys, kind } : { endpoint, keys, kind, label };
}

function endpointOf(text: string, allowed: readonly HostPattern[], name: string): URL {
  try {
    return parseEndpoint(text, allowed);
  } catch (error) {
    throw fieldFault([name, "endpoint"], errorText(error));
  }
}

function isLabel(text: string): boolean {
  return text.trim() !== "" && text.length <= MAX_LABEL_LENGTH && text.isWellFormed() && isVisible(text);
}
