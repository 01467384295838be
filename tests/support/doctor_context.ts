/** Context for one check: fakes that a test configures, and no access to the machine or the network. */
import { localUrl } from "../../src/net/host.ts";
import { parseSettings } from "../../src/config/parse.ts";
import type { Variables } from "../../src/config/rules.ts";
import { settingsTable } from "../../src/config/settings.ts";
import { createContext, type DoctorContext, type DoctorOptions, type Machine } from "../../src/doctor/context.ts";
import { BrokerError } from "../../src/mqtt/broker.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { fakePlatform } from "./platform.ts";

export const NOW = Date.UTC(2026, 0, 31, 12, 30);
/** Default URL of the gateway. */
export const LOCAL_URL = "http://127.0.0.1:10000";

/** Signal that never aborts. */
export const NEVER_ABORTED: AbortSignal = new AbortController().signal;

interface ContextOptions extends Partial<Omit<DoctorOptions, "config" | "machine">> {
  readonly env?: Variables;
  readonly machine?: Partial<Machine>;
}

export function makeContext({ env = {}, machine = {}, ...rest }: ContextOptions = {}): DoctorContext {
  return createContext({
    config: parseSettings(settingsTable(rest.services ?? SERVICES), [env]),
    isSet: (name) => Boolean(env[name]),
    services: SERVICES,
    sections: {},
    servicesFileProblems: [],
    version: "1.0.0",
    localUrl,
    machine: fakePlatform({ fetch: () => Promise.reject(new TypeError("fetch failed")), ...machine }),
    brokerAddress: () => Promise.resolve({ host: "broker", port: 1883 }),
    connectBroker: () => Promise.reject(new BrokerError("Broker is not there")),
    now: () => NOW,
    randomBytes,
    ...rest,
  });
}

/** Makes a `fetch` that always returns the same response. */
export function answering(status: number, body = "", headers: Record<string, string> = {}): typeof fetch {
  return () => Promise.resolve(new Response(body, { status, headers }));
}

/** Makes a `fetch` that fails with an error in the format of Deno. */
export function fetchFailure(text: string): typeof fetch {
  return () => Promise.reject(new TypeError("fetch failed", { cause: new Error(`error sending request: ${text}`) }));
}
