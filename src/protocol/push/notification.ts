/**
 * Texts of push messages: one notification as JSON.
 *
 * @module
 */
import { isObject, tryParseJson } from "../../lib/json.ts";
import { cutText } from "../../lib/cut_text.ts";
import { MAX_PUSH_BYTES } from "./message_encryption.ts";

/** Action with a button. */
export interface NotificationAction {
  /** Name, by which the device runs it. */
  readonly name: string;
  /** Text of the button. */
  readonly label: string;
}

/** Notification that a device shows. */
export interface PushNotification {
  /** Id, by which a device shows a message that it receives twice only once. */
  readonly id: string;
  /** Title. */
  readonly title: string;
  /** Text below. */
  readonly body: string;
  /** Name of the rule; absent for a test. */
  readonly rule?: string;
  /** Topic, entity or dependency that it is about; absent for a test. */
  readonly subject?: string;
  /** Actions with a button, in their order. */
  readonly actions: readonly NotificationAction[];
  /** Importance, as the push service has it (RFC 8030, section 5.3). */
  readonly urgency: "very-low" | "low" | "normal" | "high";
  /** Name of at most 64 characters: the device shows a newer notification of the same one in place of an older one. */
  readonly tag: string;
  /** Id of the secret that the device subscribed with; absent in the list of recent alerts. */
  readonly kid?: string;
  /** Time of the event, in seconds since 1970. */
  readonly timestamp: number;
}

/** Longest title that is left when a notification is shortened, in UTF-16 code units. */
const SHORT_TITLE = 60;

/** Most actions that a device reads. */
const MAX_ACTIONS = 3;

/** Longest tag, in characters. */
export const MAX_TAG_LENGTH = 64;

const URGENCIES: readonly string[] = ["very-low", "low", "normal", "high"] satisfies PushNotification["urgency"][];

const utf8 = new TextEncoder();

/**
 * Formats a notification as text. One that is too long loses the end of its body, with a mark; then its subject, and the
 * end of its title.
 *
 * @param maxBytes longest text, in bytes of UTF-8; {@linkcode MAX_PUSH_BYTES} by default
 * @throws {RangeError} if not even the rest fits
 */
export function formatNotification(notification: PushNotification, maxBytes: number = MAX_PUSH_BYTES): string {
  const { subject: _subject, ...rest } = notification;
  const short = { ...rest, title: cutText(rest.title, SHORT_TITLE) };
  for (const shorter of [notification, rest, short]) {
    const text = fitBody(shorter, maxBytes);
    if (text !== undefined) return text;
  }
  throw new RangeError(`Notification does not fit into ${maxBytes} bytes`);
}

/** Formats a notification with the longest beginning of its body that fits; undefined if not even an empty one does. */
function fitBody(notification: PushNotification, maxBytes: number): string | undefined {
  const format = (length: number) => JSON.stringify({ ...notification, body: cutText(notification.body, length) });
  const fits = (text: string) => utf8.encode(text).length <= maxBytes;
  const whole = format(notification.body.length);
  if (fits(whole)) return whole;
  if (!fits(format(0))) return undefined;
  // A longer beginning takes no fewer bytes.
  let [least, most] = [0, Math.min(notification.body.length, maxBytes)];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (fits(format(middle))) least = middle;
    else most = middle - 1;
  }
  return format(least);
}

/**
 * Parses the text of a push message. Members that it does not know are ignored.
 *
 * @returns the notification, or undefined if the text is none
 */
export function parseNotification(text: string): PushNotification | undefined {
  const value = tryParseJson(text);
  if (!isObject(value)) return undefined;
  const { id, title, body, rule, subject, actions, urgency, tag, kid, timestamp } = value;
  if (typeof id !== "string" || typeof title !== "string" || typeof body !== "string") return undefined;
  if (!isOptionalText(rule) || !isOptionalText(subject) || !isOptionalText(kid)) return undefined;
  if (!isUrgency(urgency) || typeof tag !== "string" || tag.length > MAX_TAG_LENGTH) return undefined;
  if (!isTime(timestamp) || !Array.isArray(actions) || actions.length > MAX_ACTIONS) return undefined;
  const buttons = actions.flatMap((action) => parseAction(action) ?? []);
  if (buttons.length < actions.length) return undefined;
  return {
    ...{ id, title, body, actions: buttons, urgency, tag, timestamp },
    ...rule === undefined ? {} : { rule },
    ...subject === undefined ? {} : { subject },
    ...kid === undefined ? {} : { kid },
  };
}

function parseAction(value: unknown): NotificationAction | undefined {
  if (!isObject(value)) return undefined;
  const { name, label } = value;
  return typeof name === "string" && typeof label === "string" ? { name, label } : undefined;
}

/** Returns whether a value is a time that a `Date` can have, in seconds. */
function isTime(value: unknown): value is number {
  return typeof value === "number" && !Number.isNaN(new Date(value * 1000).getTime());
}

function isUrgency(value: unknown): value is PushNotification["urgency"] {
  return typeof value === "string" && URGENCIES.includes(value);
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}
