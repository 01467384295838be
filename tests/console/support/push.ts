/** Push messages of a browser and of a gateway, in memory. */
import type { PushNotification, PushState } from "../../../src/client/gateway_client.ts";
import { importUnreadableKey } from "../../../src/console/connection/secret_key.ts";
import type { Home } from "../../../src/console/homes/home.ts";
import type { DevicePush } from "../../../src/console/push/device_push.ts";
import type { BrowserPush, BrowserSubscription, GatewayPush } from "../../../src/console/push/registration.ts";
import { Mutex } from "../../../src/lib/async.ts";
import { isObject } from "../../../src/lib/json.ts";
import { parseRequest } from "../../../src/protocol/exchange.ts";
import { deriveKeyId, importSecretKey } from "../../../src/protocol/secret_key.ts";
import { made, receive } from "../../support/fake_gateway.ts";

/** Makes a home with the key of a number. */
export async function makeHome(number: number, base = "https://home.example"): Promise<Home> {
  const key = await importUnreadableKey(hexOf(number));
  return {
    base,
    kid: await deriveKeyId(Uint8Array.fromHex(hexOf(number))),
    name: `phone-${number}`,
    key,
    pairedAt: number,
  };
}

function hexOf(number: number): string {
  return `${number}`.padStart(64, "0");
}

/** Push messages of a browser that all its tabs share. */
export class FakeDevicePush implements DevicePush {
  /** Browser. */
  readonly browser = new FakeBrowserPush();
  /** Keys whose notifications were closed. */
  readonly withdrawn: string[] = [];
  /** False without the permission to show notifications. */
  isAllowed: boolean;
  readonly #mutex = new Mutex();

  constructor({ isAllowed }: { readonly isAllowed: boolean }) {
    this.isAllowed = isAllowed;
  }

  readonly ask = () => Promise.resolve(this.isAllowed);
  readonly open = () => Promise.resolve(this.isAllowed ? this.browser : undefined);
  readonly withdraw = (kid: string) => Promise.resolve(void this.withdrawn.push(kid));
  readonly runExclusive = <T>(work: () => Promise<T>) => this.#mutex.runExclusive(work);
}

/** Browser whose push service gives a new endpoint with each subscription. */
export class FakeBrowserPush implements BrowserPush {
  /** Subscription; null for none. */
  current: BrowserSubscription | null = null;
  /** Number of subscriptions so far. */
  made = 0;

  getSubscription(): Promise<BrowserSubscription | null> {
    return Promise.resolve(this.current);
  }

  subscribe({ applicationServerKey }: { readonly applicationServerKey: string }): Promise<BrowserSubscription> {
    if (this.current === null) {
      const endpoint = `https://push.example/${this.made += 1}`;
      this.current = {
        endpoint,
        options: {
          applicationServerKey: Uint8Array.fromBase64(applicationServerKey, { alphabet: "base64url" }).buffer,
        },
        toJSON: () => ({ endpoint, keys: { p256dh: "p", auth: "a" } }),
        unsubscribe: () => {
          this.current = null;
          return Promise.resolve(true);
        },
      };
    }
    return Promise.resolve(this.current);
  }
}

/** Gateway with the subscriptions of one key. */
export class FakeGatewayPush implements GatewayPush {
  /** Public key; undefined where it sends nothing. */
  publicKey: string | undefined = "AQID";
  /** Most subscriptions of the key. */
  readonly max = 5;
  /** Endpoints by id. */
  readonly endpoints = new Map<string, string>();
  /** Recent alerts of the key. */
  alerts: readonly PushNotification[] = [];
  /** False while nothing answers. */
  isReachable = true;
  #ids = 0;

  push(): Promise<PushState> {
    const subscriptions = [...this.endpoints.keys()].map((id) => {
      return { id, kind: "web" as const, host: "push.example", created: "2026-11-30T09:00:00.000Z" };
    });
    const { publicKey } = this;
    return Promise.resolve({
      ...{ enabled: publicKey !== undefined, max: this.max, maxRules: 50, subscriptions, rules: [], sources: [] },
      ...publicKey === undefined ? {} : { publicKey },
    });
  }

  pushSubscribe({ endpoint }: { readonly endpoint: string }): Promise<string> {
    const id = [...this.endpoints].find(([, known]) => known === endpoint)?.[0] ?? `id-${this.#ids += 1}`;
    if (!this.endpoints.has(id) && this.endpoints.size >= this.max) return Promise.reject(new Error("Limit reached"));
    this.endpoints.set(id, endpoint);
    return Promise.resolve(id);
  }

  pushUnsubscribe(id: string): Promise<boolean> {
    return Promise.resolve(this.endpoints.delete(id));
  }
}

/** Returns a `fetch` to gateways, each with the key of {@linkcode makeHome} of its number. */
export function pushFetch(gateways: ReadonlyMap<number, FakeGatewayPush>): typeof fetch {
  return async (input, init) => {
    const body = String(init?.body);
    for (const [number, gateway] of gateways) {
      const key = Uint8Array.fromHex(hexOf(number));
      const envelope = parseRequest(body);
      if (envelope.version !== 2 || envelope.kid !== await deriveKeyId(key)) continue;
      if (!gateway.isReachable) throw new TypeError("Connection refused");
      const request = await receive(new URL(String(input)).pathname, body, await importSecretKey(key));
      const answer = made({ source: "gateway" }, 200, await answerOf(gateway, request.fields));
      return await answer(request, new AbortController().signal);
    }
    throw new Error("No gateway has this key");
  };
}

async function answerOf(gateway: FakeGatewayPush, fields: Readonly<Record<string, unknown>>): Promise<unknown> {
  const { subscribe, remove, alerts } = fields;
  if (isSubscription(subscribe)) return { id: await gateway.pushSubscribe(subscribe) };
  if (typeof remove === "string") return { removed: await gateway.pushUnsubscribe(remove) };
  return alerts === undefined ? await gateway.push() : { alerts: gateway.alerts };
}

function isSubscription(value: unknown): value is { readonly endpoint: string } {
  return isObject(value) && typeof value["endpoint"] === "string";
}
