/** Push messages of a browser and of a gateway, in memory. */
import type { PushState } from "../../../src/client/gateway_client.ts";
import { importUnreadableKey } from "../../../src/console/connection/secret_key.ts";
import type { Home } from "../../../src/console/homes/home.ts";
import type { BrowserPush, BrowserSubscription, GatewayPush } from "../../../src/console/push/registration.ts";
import { deriveKeyId } from "../../../src/protocol/secret_key.ts";

/** Makes a home with the key of a number. */
export async function makeHome(number: number, base = "https://home.example"): Promise<Home> {
  const hex = `${number}`.padStart(64, "0");
  const key = await importUnreadableKey(hex);
  return { base, kid: await deriveKeyId(Uint8Array.fromHex(hex)), name: `phone-${number}`, key, pairedAt: number };
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
  /** Endpoints by id. */
  readonly endpoints = new Map<string, string>();
  #ids = 0;

  push(): Promise<PushState> {
    const subscriptions = [...this.endpoints.keys()].map((id) => {
      return { id, kind: "web" as const, host: "push.example", created: "2026-11-30T09:00:00.000Z" };
    });
    const { publicKey } = this;
    return Promise.resolve({
      ...{ enabled: publicKey !== undefined, max: 5, maxRules: 50, subscriptions, rules: [], sources: [] },
      ...publicKey === undefined ? {} : { publicKey },
    });
  }

  pushSubscribe({ endpoint }: { readonly endpoint: string }): Promise<string> {
    const id = [...this.endpoints].find(([, known]) => known === endpoint)?.[0] ?? `id-${this.#ids += 1}`;
    this.endpoints.set(id, endpoint);
    return Promise.resolve(id);
  }

  pushUnsubscribe(id: string): Promise<boolean> {
    return Promise.resolve(this.endpoints.delete(id));
  }
}
