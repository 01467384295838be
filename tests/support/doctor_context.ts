/** A house for one check: everything in it is as a test says, and nothing else is reached. */
import { localUrl } from "../../src/config/local_url.ts";
import { parseConfig, type Variables } from "../../src/config/settings.ts";
import { createContext, type DoctorContext, type DoctorOptions } from "../../src/doctor/context.ts";
import type { Machine } from "../../src/doctor/context.ts";
import { BrokerError } from "../../src/mqtt/broker.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { fakePlatform } from "./platform.ts";

export const NOW = Date.UTC(2026, 0, 31, 12, 30);
/** Where the gateway is by default. */
export const LOCAL_URL = "http://127.0.0.1:10000";

/** Never aborts. */
export const PATIENT: AbortSignal = new AbortController().signal;

interface Furnishing extends Partial<Omit<DoctorOptions, "config" | "machine">> {
  readonly env?: Variables;
  readonly machine?: Partial<Machine>;
}

export function makeContext({ env = {}, machine = {}, ...rest }: Furnishing = {}): DoctorContext {
  return createContext({
    config: parseConfig(env),
    isSet: (name) => Boolean(env[name]),
    version: "1.0.0",
    localUrl,
    machine: fakePlatform({ fetch: () => Promise.reject(new TypeError("fetch failed")), ...machine }),
    brokerAddress: () => Promise.resolve({ host: "broker", port: 1883 }),
    jeedomFetch: () => Promise.resolve(machine.fetch ?? (() => Promise.reject(new TypeError("fetch failed")))),
    connectBroker: () => Promise.reject(new BrokerError("Broker is not there")),
    now: () => NOW,
    randomBytes,
    ...rest,
  });
}

/** A `fetch` that always gets the same answer. */
export function answering(status: number, body = "", headers: Record<string, string> = {}): typeof fetch {
  return () => Promise.resolve(new Response(body, { status, headers }));
}

/** What `fetch` throws, as Deno words it. */
export function fetchFailure(words: string): typeof fetch {
  return () => Promise.reject(new TypeError("fetch failed", { cause: new Error(`error sending request: ${words}`) }));
}
