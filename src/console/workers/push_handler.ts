/**
 * Push messages in the service worker: shows them, and does what a click on one asks for.
 *
 * @module
 */
import { isLanguage, type Language, localeOf, preferredLanguage } from "../catalogue/language.ts";
import { createFormat } from "../catalogue/format.ts";
import { HomeStore } from "../homes/home_store.ts";
import type { KeyValueStore } from "../homes/key_value_store.ts";
import { deviceLabel } from "../pairing/device_label.ts";
import { clickStep, ownWindow, type PageWindow } from "../push/click.ts";
import { actionRoute } from "../push/notification_route.ts";
import { PUSH_TEXTS, type PushTexts } from "../push/push_texts.ts";
import { type BrowserPush, homesWithPush, registerAgain, type RunExclusive } from "../push/registration.ts";
import { clientOf, runButton } from "../push/run_button.ts";
import { noteShown } from "../push/shown_ids.ts";
import {
  alertNotification,
  outcomeNotification,
  readData,
  readMessage,
  type ShownNotification,
  type ShownOptions,
  unreadableNotification,
} from "../push/shown_notification.ts";

/** Open window of the page, as a service worker sees it. */
export interface WorkerWindow extends PageWindow {
  /** Brings it to the front. */
  focus(): Promise<unknown>;
  /** Sends it a message. */
  postMessage(message: unknown): void;
}

/** Global scope of the service worker, as far as push messages use it. */
export interface PushScope {
  /** Registration. */
  readonly registration: {
    /** Address of the page. */
    readonly scope: string;
    /** Shows a notification. */
    showNotification(title: string, options: ShownOptions): Promise<void>;
    /** Push messages of the browser. */
    readonly pushManager: BrowserPush;
  };
  /** Windows. */
  readonly clients: {
    /** Lists the windows of the origin. */
    matchAll(
      options: { readonly type: "window"; readonly includeUncontrolled: boolean },
    ): Promise<readonly WorkerWindow[]>;
    /** Opens a window. */
    openWindow(url: string): Promise<unknown>;
  };
  /** Browser. */
  readonly navigator: {
    /** Languages of the browser, the preferred ones first. */
    readonly languages: readonly string[];
    /** False where the device has no network. */
    readonly onLine: boolean;
    /** Name and version of the browser. */
    readonly userAgent: string;
  };
  /** Sends HTTP requests. */
  fetch: typeof fetch;
}

/** Push messages of this device. */
export class PushHandler {
  readonly #scope: PushScope;
  readonly #store: HomeStore;
  readonly #runExclusive: RunExclusive;
  readonly #now: () => number;

  /** Makes it for a service worker, with the storage and the lock that it shares with the page. */
  constructor(
    scope: PushScope,
    { storage, runExclusive, now }: {
      readonly storage: KeyValueStore;
      readonly runExclusive: RunExclusive;
      readonly now: () => number;
    },
  ) {
    this.#scope = scope;
    this.#store = new HomeStore(storage);
    this.#runExclusive = runExclusive;
    this.#now = now;
  }

  /** Shows a message: always as one notification, as browsers demand it, whatever the message and the storage are. */
  async received(text: string | undefined): Promise<void> {
    await this.#show(await this.#notificationOf(text));
  }

  /** Does what a click asks for. `action` is empty for a click on the notification itself. */
  async clicked({ action, data: value }: { readonly action: string; readonly data: unknown }): Promise<void> {
    const data = readData(value);
    const step = clickStep(action, data);
    if (step.type === "show") return await this.#open(step.route);
    const { kid, button } = step;
    const outcome = await runButton({
      ...{ kid, button, homes: await this.#store.list().catch(() => []) },
      fetch: (input, init) => this.#scope.fetch(input, init),
      isOnline: this.#scope.navigator.onLine,
    });
    if (outcome.kind === "asks") {
      try {
        return await this.#open(actionRoute(kid, button.name));
      } catch {
        // A click may open a window for a short time only, in Firefox for a second: the next one opens it.
      }
    }
    await this.#show(outcomeNotification(data, { button, outcome, texts: await this.#texts() }));
  }

  /** Subscribes again for all homes, after the push service has ended the browser's subscription. */
  async renew(): Promise<void> {
    const { registration: { pushManager: browser }, navigator } = this.#scope;
    const [store, now, runExclusive] = [this.#store, this.#now, this.#runExclusive];
    const label = deviceLabel(navigator.userAgent);
    for (const home of await store.list()) {
      const gateway = clientOf(home, (input, init) => this.#scope.fetch(input, init));
      const options = { home, store, gateway, browser, label, now, runExclusive };
      // The page tries again when it is opened; one home must not keep the others from theirs.
      await registerAgain(options).catch(() => {});
    }
  }

  async #notificationOf(text: string | undefined): Promise<ShownNotification> {
    try {
      // Of homes with push messages alone: the gateway of one must not show messages in the name of another.
      const message = readMessage(text, await homesWithPush(this.#store));
      if (message === undefined) return unreadableNotification(await this.#texts());
      const { home, notification } = message;
      // Without it, the alert also is among the missed ones: better than to hide its content.
      const isFirst = await noteShown(this.#store, home, notification.id).catch(() => true);
      const format = createFormat(localeOf(await this.#language(), this.#scope.navigator.languages));
      return alertNotification(notification, { isFirst, now: this.#now(), texts: await this.#texts(), format });
    } catch {
      return unreadableNotification(await this.#texts());
    }
  }

  /** Shows a screen in an open window, or in a new one. */
  async #open(route: string): Promise<void> {
    const { registration: { scope }, clients } = this.#scope;
    const window = ownWindow(await clients.matchAll({ type: "window", includeUncontrolled: true }), scope);
    if (window === undefined) return void await clients.openWindow(new URL(route, scope).href);
    window.postMessage({ route });
    await window.focus();
  }

  async #texts(): Promise<PushTexts> {
    return PUSH_TEXTS[await this.#language()];
  }

  async #language(): Promise<Language> {
    const language = await this.#store.preference("language").catch(() => undefined);
    return isLanguage(language) ? language : preferredLanguage(this.#scope.navigator.languages);
  }

  async #show({ title, options }: ShownNotification): Promise<void> {
    await this.#scope.registration.showNotification(title, options);
  }
}
