/**
 * Push messages of an open home on this device: turned on and off, kept, and what was missed.
 *
 * @module
 */
import type { PushNotification, PushState } from "@e2e-gateway/client";
import type { App } from "../app.ts";
import type { Connection } from "../connection/connection.ts";
import { connectionPush, gatewayTime } from "./connection_push.ts";
import { latestOf, missedAlerts } from "./missed_alerts.ts";
import { changePush, type PushMemory, recallPush } from "./push_memory.ts";
import {
  type GatewayPush,
  homesToRegister,
  register,
  registerAgain,
  RegistrationError,
  type RegistrationOptions,
  unregister,
} from "./registration.ts";
import { clientOf } from "./run_button.ts";
import { shownIds } from "./shown_ids.ts";

/** What it uses of the page. */
export type HomePushApp = Pick<App, "store"> & {
  /** Browser. */
  readonly browser: Pick<App["browser"], "push" | "label" | "now" | "fetch">;
};

/** What it uses of the connection to the home. */
export type HomePushConnection = Pick<Connection, "home" | "request" | "clockDifference">;

/** Push messages of an open home. */
export class HomePush {
  readonly #app: HomePushApp;
  readonly #connection: HomePushConnection;
  readonly #gateway: GatewayPush;

  /** Makes them for the home of a connection. */
  constructor(app: HomePushApp, connection: HomePushConnection) {
    this.#app = app;
    this.#connection = connection;
    this.#gateway = connectionPush(connection);
  }

  /** Returns what this device remembers; as off while the browser shows no notifications of this page. */
  async recall(): Promise<PushMemory> {
    const { store, browser } = this.#app;
    const memory = await recallPush(store, this.#connection.home);
    return { ...memory, isOn: memory.isOn && await browser.push.open() !== undefined };
  }

  /** Returns what the gateway has for the key. */
  async list(): Promise<PushState> {
    return await this.#gateway.push();
  }

  /**
   * Turns push messages on.
   *
   * @throws {RegistrationError} if that is impossible
   * @throws {GatewayError} if the gateway does not take the subscription
   * @throws {DOMException} if the browser does not subscribe
   */
  async turnOn(): Promise<void> {
    const { push } = this.#app.browser;
    if (!await push.ask()) throw new RegistrationError("denied");
    const browser = await push.open();
    if (browser === undefined) throw new RegistrationError("worker");
    await register({ ...this.#options(), browser });
  }

  /** Turns them off, also after the browser has lost the permission to show them. */
  async turnOff(): Promise<void> {
    const browser = await this.#app.browser.push.open();
    await unregister({ ...this.#options(), browser });
  }

  /** Removes a subscription of the key; that of this device turns its push messages off. */
  async remove(id: string): Promise<void> {
    if ((await recallPush(this.#app.store, this.#connection.home)).id === id) await this.turnOff();
    else await this.#gateway.pushUnsubscribe(id);
  }

  /**
   * Registers this device again where its subscription is gone or has changed. Does nothing while they are off.
   *
   * @throws as {@linkcode turnOn} does
   */
  async keep(): Promise<void> {
    const browser = await this.#app.browser.push.open();
    if (browser !== undefined) await registerAgain({ ...this.#options(), browser });
  }

  /** Does the same for the other homes, where the browser's subscription has changed since they were registered. */
  async keepOthers(): Promise<void> {
    const { store, browser: { push, fetch } } = this.#app;
    const browser = await push.open();
    if (browser === undefined) return;
    const options = { ...this.#options(), browser };
    for (const home of await homesToRegister({ store, browser })) {
      if (home.kid === this.#connection.home.kid) continue;
      // Its faults are shown once that home is open; one home must not keep the others from theirs.
      await registerAgain({ ...options, home, gateway: clientOf(home, fetch) }).catch(() => {});
    }
  }

  /** Lists the alerts that this device missed and that are not marked as seen, the newest first. */
  async missed(): Promise<readonly PushNotification[]> {
    const { store } = this.#app;
    const { home } = this.#connection;
    const { isOn, seenUntil } = await recallPush(store, home);
    if (!isOn) return [];
    const fields = { service: "push", alerts: { since: seenUntil } };
    const alerts = await this.#connection.request(fields, (client) => client.pushAlerts(seenUntil));
    return missedAlerts(alerts, { seenUntil, shown: await shownIds(store, home) });
  }

  /** Marks missed alerts as reported; returns how many of them were not before. */
  async markReported(missed: readonly PushNotification[]): Promise<number> {
    let count = 0;
    await changePush(this.#app.store, this.#connection.home, (memory) => {
      count = missed.filter(({ timestamp }) => timestamp > memory.reportedUntil).length;
      return { ...memory, reportedUntil: latestOf(missed, memory.reportedUntil) };
    });
    return count;
  }

  /** Marks missed alerts as seen. */
  async markSeen(missed: readonly PushNotification[]): Promise<void> {
    await changePush(this.#app.store, this.#connection.home, (memory) => {
      return { ...memory, seenUntil: latestOf(missed, memory.seenUntil) };
    });
  }

  #options(): Omit<RegistrationOptions, "browser"> {
    const { store, browser: { push: { runExclusive }, label, now } } = this.#app;
    return {
      ...{ home: this.#connection.home, store, gateway: this.#gateway, label, runExclusive },
      now: () => gatewayTime(this.#connection, now()),
    };
  }
}
