/**
 * Registration of this device for the push messages of a home: at the push service of the browser, and at the gateway.
 *
 * @module
 */
import type { GatewayClient, PushState } from "@e2e-gateway/client";
import type { Home } from "../homes/home.ts";
import type { HomeStore } from "../homes/home_store.ts";
import { recallPush, rememberPush } from "./push_memory.ts";

/** Subscription of the browser, as far as it is used. */
export interface BrowserSubscription {
  /** Address at the push service. Secret. */
  readonly endpoint: string;
  /** Options that it was made with. */
  readonly options: {
    /** Public key of the gateway. */
    readonly applicationServerKey: ArrayBuffer | null;
  };
  /** Returns address and keys. */
  toJSON(): { readonly endpoint?: string; readonly keys?: Readonly<Record<string, string>> };
  /** Ends it. */
  unsubscribe(): Promise<boolean>;
}

/** Manager of the browser's only subscription for this page. */
export interface BrowserPush {
  /** Returns the subscription; null if there is none. */
  getSubscription(): Promise<BrowserSubscription | null>;
  /** Subscribes with the public key of a gateway. */
  subscribe(
    options: { readonly userVisibleOnly: boolean; readonly applicationServerKey: string },
  ): Promise<BrowserSubscription>;
}

/** Requests to the gateway. */
export type GatewayPush = Pick<GatewayClient, "push" | "pushSubscribe" | "pushUnsubscribe">;

/** Reason for which this device cannot be registered. */
export type RegistrationFault =
  /** The gateway sends no push messages. */
  | "gateway_off"
  /** A home with another gateway has the browser's only subscription. */
  | "other_gateway";

/** This device cannot be registered. */
export class RegistrationError extends Error {
  /** Name of the error. */
  override readonly name = "RegistrationError";
  /** Reason. */
  readonly reason: RegistrationFault;

  /** Makes the error. */
  constructor(reason: RegistrationFault) {
    super(`Device cannot be registered for push messages: ${reason}`);
    this.reason = reason;
  }
}

/** A home on this device. */
export interface RegistrationOptions {
  /** Home. */
  readonly home: Home;
  /** What this device remembers. */
  readonly store: Pick<HomeStore, "list" | "recall" | "remember">;
  /** Requests to its gateway. */
  readonly gateway: GatewayPush;
  /** Push messages of the browser. */
  readonly browser: BrowserPush;
  /** Name of this device in the list of the key. */
  readonly label: string;
  /** Time of the gateway, in milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Registers this device, unless it is already registered, and remembers that.
 *
 * @returns what the gateway had before
 * @throws {RegistrationError} if that is impossible
 * @throws {GatewayError} if the gateway does not take the subscription
 */
export async function register(options: RegistrationOptions): Promise<PushState> {
  const { home, store, gateway, label, now } = options;
  const state = await gateway.push();
  if (state.publicKey === undefined) throw new RegistrationError("gateway_off");
  const memory = await recallPush(store, home);
  const subscription = await subscribeBrowser(state.publicKey, options);
  const { endpoint, keys: { p256dh = "", auth = "" } = {} } = subscription.toJSON();
  const isKnown = memory.isOn && memory.endpoint === endpoint && state.subscriptions.some(({ id }) => id === memory.id);
  if (isKnown) return state;
  const id = await gateway.pushSubscribe({ endpoint: endpoint ?? "", keys: { p256dh, auth }, kind: "web", label });
  // Alerts from before it was turned on were not missed.
  const seenUntil = memory.isOn ? memory.seenUntil : now() / 1000;
  await rememberPush(store, home, { isOn: true, id, endpoint, seenUntil });
  // The push service may have given the browser a new endpoint: the old one would be another device in the list.
  if (memory.id !== undefined && memory.id !== id && state.subscriptions.some((one) => one.id === memory.id)) {
    await gateway.pushUnsubscribe(memory.id);
  }
  return state;
}

/** Ends the push messages of a home here, and at the gateway. */
export async function unregister({ home, store, gateway, browser }: RegistrationOptions): Promise<void> {
  const { id, seenUntil } = await recallPush(store, home);
  if (id !== undefined) await gateway.pushUnsubscribe(id);
  await rememberPush(store, home, { isOn: false, seenUntil });
  await unsubscribeUnused({ store, browser, except: home });
}

/** Ends the browser's subscription if no home is left that uses it: what still is on its way is then not delivered. */
export async function unsubscribeUnused(
  { store, browser, except }: Pick<RegistrationOptions, "store" | "browser"> & { readonly except: Home },
): Promise<void> {
  if ((await homesWithPush(store)).some(({ kid }) => kid !== except.kid)) return;
  await (await browser.getSubscription())?.unsubscribe();
}

/** Lists the homes whose push messages are wanted on this device. */
export async function homesWithPush(store: Pick<HomeStore, "list" | "recall">): Promise<readonly Home[]> {
  const homes = await store.list();
  const memories = await Promise.all(homes.map((home) => recallPush(store, home)));
  return homes.filter((_home, index) => memories[index]?.isOn);
}

/** Returns the browser's subscription for a gateway's public key, and makes it where it is missing. */
async function subscribeBrowser(
  publicKey: string,
  { home, store, browser }: RegistrationOptions,
): Promise<BrowserSubscription> {
  const subscription = await browser.getSubscription();
  if (subscription !== null && keyText(subscription) === publicKey) return subscription;
  if (subscription !== null) {
    // The gateway has a new key, or the subscription is another gateway's.
    const others = await homesWithPush(store);
    if (others.some(({ base }) => base !== home.base)) throw new RegistrationError("other_gateway");
    await subscription.unsubscribe();
  }
  return await browser.subscribe({ userVisibleOnly: true, applicationServerKey: publicKey });
}

/** Returns the public key of a subscription as the gateway writes it: base64url. */
function keyText({ options: { applicationServerKey } }: BrowserSubscription): string {
  const bytes = new Uint8Array(applicationServerKey ?? new ArrayBuffer());
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
