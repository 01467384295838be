/**
 * Notifications as the browser shows them.
 *
 * @module
 */
import { isObject } from "../../lib/json.ts";
import { type NotificationAction, parseNotification, type PushNotification } from "../../protocol/push/notification.ts";
import { visibleLines, visibleText } from "../text/visible.ts";
import type { Format } from "../catalogue/format.ts";
import type { PushTexts } from "./push_texts.ts";
import type { ButtonOutcome } from "./run_button.ts";

/** Notification for `showNotification()`. */
export interface ShownNotification {
  /** Title. */
  readonly title: string;
  /** Options of the browser. */
  readonly options: ShownOptions;
}

/** Options of a notification, some of which are not among the types of a page. */
export interface ShownOptions {
  /** Text below. */
  readonly body: string;
  /** A newer notification of the same tag is shown in place of the older one. */
  readonly tag: string;
  /** True if one that replaces another is announced again. */
  readonly renotify: boolean;
  /** True for one without sound. */
  readonly silent: boolean;
  /** True for one that stays until a person answers it. */
  readonly requireInteraction: boolean;
  /** Time of the event, in milliseconds since 1970. */
  readonly timestamp?: number;
  /** Buttons. */
  readonly actions: readonly {
    /** Name of the action. */
    readonly action: string;
    /** Text of the button. */
    readonly title: string;
  }[];
  /** Picture beside the text. */
  readonly icon: string;
  /** Home and buttons, for the click on it. */
  readonly data: NotificationData;
}

/** Content of a notification that its click needs. */
export interface NotificationData {
  /** Id of the home's key; absent for a message that cannot be read. */
  readonly kid?: string | undefined;
  /** Actions with a button. */
  readonly actions: readonly NotificationAction[];
  /** Name of the action whose question a click opens; absent for none. */
  readonly asks?: string | undefined;
}

const ICON = "icon-192.png";

/** Message for a home of this device. */
export interface HomeMessage<Home> {
  /** Home. */
  readonly home: Home;
  /** Content. */
  readonly notification: PushNotification;
}

/** Reads the text of a push message; undefined for a message that is none, or for none of the homes. */
export function readMessage<Home extends { readonly kid: string }>(
  text: string | undefined,
  homes: readonly Home[],
): HomeMessage<Home> | undefined {
  const notification = text === undefined ? undefined : parseNotification(text);
  const home = homes.find(({ kid }) => kid === notification?.kid);
  return notification === undefined || home === undefined ? undefined : { home, notification };
}

/** Age from which a notification says when it was, in milliseconds. */
const LATE_MS = 5 * 60_000;

/**
 * Makes the notification of a message. One that was shown before replaces itself without a sound. One that is late says
 * so: a push service can hold a message back, or repeat it, and not all systems show its time.
 *
 * @param context `now` is the time in milliseconds since 1970
 */
export function alertNotification(
  { title, body, tag, kid, actions, timestamp, urgency }: PushNotification,
  { isFirst, now, texts, format }: {
    readonly isFirst: boolean;
    readonly now: number;
    readonly texts: PushTexts;
    readonly format: Pick<Format, "time">;
  },
): ShownNotification {
  const isLate = now - timestamp * 1000 > LATE_MS;
  const lines = isLate ? [texts.late(format.time(timestamp * 1000, now)), body] : [body];
  return {
    title: visibleText(title),
    options: {
      body: visibleLines(lines.join("\n")),
      tag: `${kid} ${tag}`,
      renotify: isFirst,
      silent: !isFirst,
      requireInteraction: urgency === "high",
      timestamp: timestamp * 1000,
      actions: actions.map(({ name, label }) => ({ action: name, title: visibleText(label) })),
      icon: ICON,
      data: { kid, actions },
    },
  };
}

/**
 * Makes the notification of a message that cannot be read: a browser demands one for each message. The push service can
 * send them, so that several make one sound.
 */
export function unreadableNotification(texts: PushTexts): ShownNotification {
  const { unreadable: title, unreadableHow: body } = texts;
  return plainNotification({ title, body, tag: "unreadable", renotify: false, data: { actions: [] } });
}

/** Makes the notification of a button's outcome. */
export function outcomeNotification(
  { kid }: NotificationData,
  { button: { name, label }, outcome: { kind }, texts }: {
    readonly button: NotificationAction;
    readonly outcome: ButtonOutcome;
    readonly texts: PushTexts;
  },
): ShownNotification {
  const body = kind === "done"
    ? texts.ran
    : kind === "failed"
    ? texts.notRun
    : kind === "asks"
    ? texts.asks
    : texts.notKnown;
  return plainNotification({
    ...{ title: visibleText(label), body, tag: `${kid} outcome ${name}`, renotify: true },
    data: { kid, actions: [], asks: kind === "asks" ? name : undefined },
  });
}

/** Reads the data of a notification, which another version of the page may have made. */
export function readData(value: unknown): NotificationData {
  if (!isObject(value)) return { actions: [] };
  const { kid, actions, asks } = value;
  return {
    kid: typeof kid === "string" ? kid : undefined,
    actions: Array.isArray(actions) ? actions.filter(isAction) : [],
    asks: typeof asks === "string" ? asks : undefined,
  };
}

function isAction(value: unknown): value is NotificationAction {
  return isObject(value) && typeof value["name"] === "string" && typeof value["label"] === "string";
}

function plainNotification(
  { title, body, tag, renotify, data }:
    & Pick<ShownOptions, "body" | "tag" | "renotify" | "data">
    & { readonly title: string },
): ShownNotification {
  return {
    title,
    options: { body, tag, renotify, silent: false, requireInteraction: false, actions: [], icon: ICON, data },
  };
}
