/**
 * State of the page: homes, the open connection, the screen, the language.
 *
 * @module
 */
import { batch, signal } from "@preact/signals";
import { ScopeError, WrongKeyError } from "@e2e-gateway/client";
import { isObject } from "../lib/json.ts";
import { isLanguage, type Language } from "./catalogue/language.ts";
import { Connection } from "./connection/connection.ts";
import { readDeviceInfo, timeOf } from "./connection/device_info.ts";
import { type Home, homeId } from "./homes/home.ts";
import type { HomeStore } from "./homes/home_store.ts";
import type { PairedMark } from "./homes/lost_storage.ts";
import { pairDevice, PairingError } from "./pairing/pair_device.ts";
import type { Observable, Variable } from "./observable.ts";
import { routeKid } from "./push/notification_route.ts";
import type { DevicePush } from "./push/device_push.ts";
import { changePush, recallPush } from "./push/push_memory.ts";
import { unsubscribeUnused } from "./push/registration.ts";
import type { Route } from "./router.ts";

/** Parts of the browser that the page uses. */
export interface Browser {
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** Returns the time, in milliseconds since 1970. */
  readonly now: () => number;
  /** Name of this device for the gateway's list of keys. */
  readonly label: string;
  /** Returns whether the page may send requests to an address. */
  readonly mayConnect: (url: string) => boolean;
  /** Asks the browser to keep the storage. */
  readonly persist: () => Promise<boolean>;
  /** Deletes the page's own files from the browser's caches. */
  readonly deleteFiles: () => Promise<void>;
  /** Push messages. */
  readonly push: DevicePush;
  /** Goes to another screen, in place of this one; to none with an empty text. */
  readonly go: (route: string) => void;
}

/** Pairing that was asked for: another object each time, so that the same link is tried again. */
export interface PairingAsked {
  /** Link to pair with; empty where it is yet to be entered. */
  readonly link: string;
}

/** Home that a pairing link stands for. */
export interface PairedHome {
  /** Home, which is open now. */
  readonly home: Home;
  /** False if this device had used the link before. */
  readonly isNew: boolean;
}

/** Short message. */
export interface Notice {
  /** Distinguishes notices of the same text. */
  readonly id: number;
  /** Text for people. */
  readonly text: string;
  /** True for one that stays until it is closed. */
  readonly isLasting: boolean;
  /** Id of the screen that says the same, in whose place it is shown; undefined for none. */
  readonly refersTo?: string | undefined;
}

/** What remains after a home was forgotten. */
export type Forgotten =
  /** The key is gone on both sides. */
  | "everywhere"
  /** The gateway does not accept the key, which may have been removed before. A relay can feign that. */
  | "not_accepted"
  /** The gateway did not answer, or failed: the key may still be valid there. */
  | "here_only"
  /** The key of the gateway's own machine cannot be removed by a device. */
  | "default";

/** Longest wait for the gateway when a home is forgotten, in milliseconds. */
const FORGET_TIMEOUT_MS = 8000;

/** State of the page. */
export class App {
  readonly #homes = signal<readonly Home[]>([]);
  readonly #connection = signal<Connection | undefined>(undefined);
  readonly #pairing = signal<PairingAsked | undefined>(undefined);
  readonly #notices = signal<readonly Notice[]>([]);
  /** Language of the page. */
  readonly language: Variable<Language> = signal<Language>("en");
  /** Screen of the page's address; undefined for the first one. */
  readonly route: Variable<Route | undefined> = signal<Route | undefined>(undefined);
  /** Update of the page that waits; calling it reloads the page. */
  readonly update: Variable<(() => void) | undefined> = signal<(() => void) | undefined>(undefined);
  /** Browser. */
  readonly browser: Browser;
  /** Homes in the browser's storage. */
  readonly store: HomeStore;
  readonly #mark: PairedMark;
  #isVisible = false;
  #lastNotice = 0;

  /** Makes the state of a page without homes. */
  constructor(browser: Browser, { store, mark }: { readonly store: HomeStore; readonly mark: PairedMark }) {
    this.browser = browser;
    this.store = store;
    this.#mark = mark;
  }

  /** Homes that this device is paired with. */
  get homes(): Observable<readonly Home[]> {
    return this.#homes;
  }

  /** Connection to the open home; undefined while this device is not paired. */
  get connection(): Observable<Connection | undefined> {
    return this.#connection;
  }

  /** Pairing that was asked for; undefined while nothing is being paired. */
  get pairing(): Observable<PairingAsked | undefined> {
    return this.#pairing;
  }

  /** Messages that are shown. */
  get notices(): Observable<readonly Notice[]> {
    return this.#notices;
  }

  /**
   * Reads homes and preferences, and opens the home that was open last.
   *
   * @param preferred language of the browser
   * @throws if the browser's storage cannot be opened
   */
  async load(preferred: Language): Promise<void> {
    const language = await this.store.preference("language");
    const current = await this.store.preference("current");
    const homes = await this.store.list();
    batch(() => {
      this.language.value = isLanguage(language) ? language : preferred;
      this.#homes.value = homes;
    });
    const home = homes.find((home) => homeId(home) === current) ?? homes[0];
    if (home !== undefined) await this.open(home);
  }

  /** Opens a home, and closes the one that was open. */
  async open(home: Home): Promise<void> {
    const seen = await this.store.recall(home, "seen");
    const { device, lastContact } = isObject(seen) ? seen : {};
    const connection = new Connection({
      home,
      device: readDeviceInfo(device),
      lastContact: timeOf(lastContact),
      onDevice: (device) => void this.store.remember(home, "seen", { device, lastContact: this.browser.now() }),
      fetch: this.browser.fetch,
    });
    this.#connection.peek()?.close();
    this.#connection.value = connection;
    connection.setVisible(this.#isVisible);
    await this.store.prefer("current", homeId(home));
  }

  /** Shows the screen of an address, and opens the home that it names. */
  async follow(route: Route | undefined): Promise<void> {
    this.route.value = route;
    this.#notices.value = this.#notices.peek().filter(({ refersTo }) =>
      refersTo === undefined || refersTo !== route?.screen
    );
    const kid = routeKid(route);
    const home = this.#homes.peek().find((home) => home.kid === kid);
    if (home !== undefined && home.kid !== this.#connection.peek()?.home.kid) await this.open(home);
  }

  /** Shows the screen for pairing, with a link where there is one. */
  startPairing(link = ""): void {
    this.#pairing.value = { link };
  }

  /** Leaves the screen for pairing. */
  stopPairing(): void {
    this.#pairing.value = undefined;
  }

  /**
   * Pairs this device, and opens the new home, in place of the open one if its key is gone. A link that this device used
   * before opens its home.
   *
   * @throws {PairingError} if that fails
   */
  async pair(link: string): Promise<PairedHome> {
    const { label, mayConnect, fetch, now } = this.browser;
    // From the storage, as another tab may have used the link.
    const homes = await this.store.list();
    const checkKeys = () => this.store.checkKeys();
    const home = await pairDevice(link, { label, homes, mayConnect, fetch, now, checkKeys });
    const isNew = !homes.includes(home);
    if (isNew) await this.#keep(home);
    this.#homes.value = await this.store.list();
    await this.open(home);
    this.#pairing.value = undefined;
    this.browser.go("#/home");
    return { home, isNew };
  }

  /** Deletes a home on this device, and its key at the gateway as far as that can be reached. */
  async forget(home: Home): Promise<Forgotten> {
    const forgotten = await this.#revoke(home);
    // First: from now on, no message for it is shown with its content.
    await this.store.forget(home);
    const homes = await this.store.list();
    if (homes.length === 0) this.#mark.remove();
    const next = homes[0];
    this.#homes.value = homes;
    if (this.#connection.peek()?.home.kid === home.kid) {
      this.#connection.peek()?.close();
      this.#connection.value = undefined;
      if (next !== undefined) await this.open(next);
    }
    // A screen's address would tell of a lost key when the page is opened again.
    if (homes.length === 0) this.browser.go("");
    await this.browser.push.withdraw(home.kid).catch(() => {});
    // Late, as it can wait for another tab; the service worker has the subscription.
    await this.#endPush();
    if (homes.length === 0) await this.browser.deleteFiles();
    return forgotten;
  }

  /** Tells that the page can be seen, or not. */
  setVisible(isVisible: boolean): void {
    this.#isVisible = isVisible;
    this.#connection.peek()?.setVisible(isVisible);
  }

  /** Chooses the language: it shows once it is stored, so that what shows is kept. */
  async chooseLanguage(language: Language): Promise<void> {
    try {
      await this.store.prefer("language", language);
    } finally {
      this.language.value = language;
    }
  }

  /**
   * Shows a message, also to screen readers.
   *
   * @param options one that `isLasting` stays until it is closed; one that `refersTo` a screen is not shown while it is
   *   open
   */
  notify(
    text: string,
    { isLasting = false, refersTo }: { readonly isLasting?: boolean; readonly refersTo?: string } = {},
  ): void {
    if (refersTo !== undefined && refersTo === this.route.peek()?.screen) return;
    this.#lastNotice += 1;
    this.#notices.value = [...this.#notices.peek().slice(-2), { id: this.#lastNotice, text, isLasting, refersTo }];
  }

  /** Removes a message. */
  dismiss(id: number): void {
    this.#notices.value = this.#notices.peek().filter((notice) => notice.id !== id);
  }

  /** Stores a new home, in place of the open one if its key is gone. */
  async #keep(home: Home): Promise<void> {
    try {
      await this.store.save(home);
    } catch (cause) {
      // No device has this key any more.
      await this.#revoke(home);
      throw new PairingError("failed", { cause });
    }
    this.#mark.set();
    void this.browser.persist();
    const previous = this.#connection.peek();
    if (previous?.home.base === home.base && previous.status.value.kind === "revoked") {
      // The new key subscribes by itself where the old one was subscribed.
      const { isOn, seenUntil, reportedUntil } = await recallPush(this.store, previous.home);
      if (isOn) await changePush(this.store, home, () => ({ isOn, seenUntil, reportedUntil }));
      await this.store.forget(previous.home);
    }
  }

  /** Ends the browser's subscription with its last home: the gateway may not have been told. */
  async #endPush(): Promise<void> {
    try {
      const { open, runExclusive } = this.browser.push;
      const browser = await open();
      if (browser !== undefined) await unsubscribeUnused({ store: this.store, browser, runExclusive });
    } catch {
      // Whatever the browser says, the key is deleted here, and messages for it are shown without their content.
    }
  }

  async #revoke(home: Home): Promise<Forgotten> {
    const open = this.#connection.peek();
    const connection = open?.home.kid === home.kid ? open : new Connection({ home, fetch: this.browser.fetch });
    try {
      const fields = { forget: true };
      await connection.request(
        { service: "device", ...fields },
        (client) => client.call("device", fields, { timeout: FORGET_TIMEOUT_MS }),
      );
      return "everywhere";
    } catch (error) {
      // Whatever it is, the key is deleted here.
      return error instanceof WrongKeyError ? "not_accepted" : error instanceof ScopeError ? "default" : "here_only";
    }
  }
}
