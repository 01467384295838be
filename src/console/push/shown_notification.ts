/**
 * Notifications as the browser shows them.
 *
 * @module
 */
import { isObject } from "../../lib/json.ts";
import { type NotificationAction, parseNotification, type PushNotification } from "../../protocol/push/notification.ts";
import { visibleLines, visibleText } from "../text/visible.ts";
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
  /** Address of the home's gateway. */
  readonly home?: string | undefined;
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

/** Reads the text of a push message; undefined for a message that is none, or for no home of this device. */
export function readMessage<Home extends { readonly kid: string }>(
  text: string | undefined,
  homes: readonly Home[],
): HomeMessage<Home> | undefined {
  const notification = text === undefined ? undefined : parseNotification(text);
  const home = homes.find(({ kid }) => kid === notification?.kid);
  return notification === undefined || home === undefined ? undefined : { home, notification };
}

/** Makes the notification of a message. One that was shown before replaces itself without a sound. */
export function alertNotification(
  { title, body, tag, kid, actions, timestamp, urgency }: PushNotification,
  { isFirst, home }: { readonly isFirst: boolean; readonly home: string },
): ShownNotification {
  return {
    title: visibleText(title),
    options: {
      body: visibleLines(body),
      tag: `${kid} ${tag}`,
      renotify: isFirst,
      silent: !isFirst,
      requireInteraction: urgency === "high",
      timestamp: timestamp * 1000,
      actions: actions.map(({ name, label }) => ({ action: name, title: visibleText(label) })),
      icon: ICON,
      data: { kid, home, actions },
    },
  };
}

/** Makes the notification of a message that cannot be read: a browser demands one for each message. */
export function unreadableNotification(texts: PushTexts): ShownNotification {
  const { unreadable: title, unreadableHow: body } = texts;
  return plainNotification({ title, body, tag: "unreadable", data: { actions: [] } });
}

/** Makes the notification of a button's outcome. */
export function outcomeNotification(
  { kid, home }: NotificationData,
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
    ...{ title: visibleText(label), body, tag: `${kid} outcome ${name}` },
    data: { kid, home, actions: [], asks: kind === "asks" ? name : undefined },
  });
}

/** Reads the data of a notification, which another version of the page may have made. */
export function readData(value: unknown): NotificationData {
  if (!isObject(value)) return { actions: [] };
  const { kid, home, actions, asks } = value;
  return {
    kid: typeof kid === "string" ? kid : undefined,
    home: typeof home === "string" ? home : undefined,
    actions: Array.isArray(actions) ? actions.filter(isAction) : [],
    asks: typeof asks === "string" ? asks : undefined,
  };
}

function isAction(value: unknown): value is NotificationAction {
  return isObject(value) && typeof value["name"] === "string" && typeof value["label"] === "string";
}

function plainNotification(
  { title, body, tag, data }: Pick<ShownOptions, "body" | "tag" | "data"> & { readonly title: string },
): ShownNotification {
  return {
    title,
    options: { body, tag, renotify: true, silent: false, requireInteraction: false, actions: [], icon: ICON, data },
  };
}
