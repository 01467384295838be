/**
 * Registration of this device for the push messages of a home: at the push service of the browser, and at the gateway.
 *
 * @module
 */
import type { GatewayClient } from "@e2e-gateway/client";
import { toBase64Url } from "../../protocol/bytes.ts";
import type { Home } from "../homes/home.ts";
import type { HomeStore } from "../homes/home_store.ts";
import { changePush, type PushMemory, recallPush } from "./push_memory.ts";

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
  | "other_gateway"
  /** The browser may not show notifications. */
  | "denied"
  /** The page has no service worker yet. */
  | "worker";

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
  readonly store: Pick<HomeStore, "list" | "recall" | "change">;
  /** Requests to its gateway. */
  readonly gateway: GatewayPush;
  /** Push messages of the browser. */
  readonly browser: BrowserPush;
  /** Name of this device in the list of the key. */
  readonly label: string;
  /** Time of the gateway, in milliseconds since 1970. */
  readonly now: () => number;
  /** Runs one work at a time of all tabs and the service worker, which share the subscription. */
  readonly runExclusive: RunExclusive;
}

/** Runs work while no other one runs. */
export type RunExclusive = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Registers this device, unless it is already registered, and remembers that.
 *
 * @throws {RegistrationError} if that is impossible
 * @throws {GatewayError} if the gateway does not take the subscription
 */
export async function register(options: RegistrationOptions): Promise<void> {
  await options.runExclusive(() => subscribe(options));
}

/**
 * Registers this device again where its subscription is gone or has changed. Does nothing for a home whose push
 * messages are off, also since another tab turned them off.
 *
 * @throws as {@linkcode register} does
 */
export async function registerAgain(options: RegistrationOptions): Promise<void> {
  const { home, store, runExclusive } = options;
  await runExclusive(async () => {
    if ((await recallPush(store, home)).isOn) await subscribe(options);
  });
}

/** Lists the homes that the browser's subscription does not reach any more, as it has changed. */
export async function homesToRegister(
  { store, browser }: Pick<RegistrationOptions, "store" | "browser">,
): Promise<readonly Home[]> {
  const endpoint = (await browser.getSubscription())?.endpoint;
  return (await listPushHomes(store)).flatMap(({ home, memory }) => memory.endpoint === endpoint ? [] : [home]);
}

/** Ends the push messages of a home here, and at the gateway. Without `browser`, its subscription is gone already. */
export async function unregister(
  { home, store, gateway, browser, runExclusive }:
    & Pick<RegistrationOptions, "home" | "store" | "gateway" | "runExclusive">
    & { readonly browser: BrowserPush | undefined },
): Promise<void> {
  await runExclusive(async () => {
    const { id } = await recallPush(store, home);
    if (id !== undefined) await gateway.pushUnsubscribe(id);
    await changePush(store, home, (memory) => ({ ...memory, isOn: false, id: undefined, endpoint: undefined }));
    if (browser !== undefined) await endUnused({ store, browser });
  });
}

/** Ends the browser's subscription if no home is left that uses it: what still is on its way is then not delivered. */
export async function unsubscribeUnused(
  { runExclusive, ...options }: Pick<RegistrationOptions, "store" | "browser" | "runExclusive">,
): Promise<void> {
  await runExclusive(() => endUnused(options));
}

async function subscribe(options: RegistrationOptions): Promise<void> {
  const { home, store, gateway, label, now } = options;
  const state = await gateway.push();
  if (state.publicKey === undefined) throw new RegistrationError("gateway_off");
  const { isOn, id: knownId, endpoint: knownEndpoint } = await recallPush(store, home);
  const subscription = await subscribeBrowser(state.publicKey, options);
  const { endpoint = "", keys: { p256dh = "", auth = "" } = {} } = subscription.toJSON();
  const hasKnown = state.subscriptions.some(({ id }) => id === knownId);
  const isKnown = knownEndpoint === endpoint && hasKnown;
  if (isOn && isKnown) return;
  // The browser has ended it, and it would be another device in the list, which has room for a few.
  if (knownId !== undefined && hasKnown && !isKnown) await gateway.pushUnsubscribe(knownId);
  const id = await gateway.pushSubscribe({ endpoint, keys: { p256dh, auth }, kind: "web", label });
  // Alerts from before it was turned on were not missed.
  const since = isOn ? 0 : now() / 1000;
  await changePush(store, home, (memory) => {
    return { ...memory, isOn: true, id, endpoint, seenUntil: Math.max(memory.seenUntil, since) };
  });
}

async function endUnused({ store, browser }: Pick<RegistrationOptions, "store" | "browser">): Promise<void> {
  if ((await homesWithPush(store)).length > 0) return;
  await (await browser.getSubscription())?.unsubscribe();
}

/** Lists the homes whose push messages are wanted on this device. */
export async function homesWithPush(store: Pick<HomeStore, "list" | "recall">): Promise<readonly Home[]> {
  return (await listPushHomes(store)).map(({ home }) => home);
}

async function listPushHomes(
  store: Pick<HomeStore, "list" | "recall">,
): Promise<readonly { readonly home: Home; readonly memory: PushMemory }[]> {
  const homes = await store.list();
  const known = await Promise.all(homes.map(async (home) => ({ home, memory: await recallPush(store, home) })));
  return known.filter(({ memory }) => memory.isOn);
}

/** Returns the browser's subscription for a gateway's public key, and makes it where it is missing. */
async function subscribeBrowser(
  publicKey: string,
  { home, store, browser }: RegistrationOptions,
): Promise<BrowserSubscription> {
  const subscription = await browser.getSubscription();
  if (subscription !== null && keyText(subscription) === publicKey) return subscription;
  // Also if the other gateway's is lost: the service worker shows messages for all of these homes.
  const others = await homesWithPush(store);
  if (others.some(({ base }) => base !== home.base)) throw new RegistrationError("other_gateway");
  // The gateway has a new key.
  await subscription?.unsubscribe();
  return await browser.subscribe({ userVisibleOnly: true, applicationServerKey: publicKey });
}

/** Returns the public key of a subscription as the gateway writes it: base64url. */
function keyText({ options: { applicationServerKey } }: BrowserSubscription): string {
  return toBase64Url(new Uint8Array(applicationServerKey ?? new ArrayBuffer()));
}
