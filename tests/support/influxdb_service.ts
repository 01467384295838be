/** The InfluxDB service for tests, with a section of the services file. */
import { Deadlines } from "../../src/lib/deadlines.ts";
import { SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import { Scope, type ServiceRights } from "../../src/keys/rights.ts";
import type { Payload } from "../../src/protocol/payload.ts";
import { INFLUXDB_RIGHTS } from "../../src/services/influxdb/rights.ts";
import { INFLUXDB_SECTION } from "../../src/services/influxdb/section.ts";
import { createInfluxService } from "../../src/services/influxdb/service.ts";
import type { InfluxConfig } from "../../src/services/influxdb/settings.ts";
import type { Reply } from "../../src/services/service.ts";

/** Time of the service, in milliseconds since 1970. */
export const NOW = Date.UTC(2027, 0, 31, 12);

/** Options of a service. */
export interface TestServiceOptions {
  /** Section of the services file. */
  readonly section: unknown;
  /** Sends HTTP requests; the real one by default. */
  readonly fetch?: typeof fetch;
  /** Settings that differ from those of tests. */
  readonly settings?: Partial<InfluxConfig>;
  /** Time, in milliseconds since 1970. */
  readonly now?: number;
}

/** Key and what it may do. */
export interface TestCaller {
  /** Name of the key. */
  readonly key?: string;
  /** Rights in the service; all by default. */
  readonly rights?: ServiceRights;
  /** Aborts when the key is revoked. */
  readonly revoked?: AbortSignal;
}

/** A service, and the reservations of memory that are not released yet. */
export interface TestService extends AsyncDisposable {
  /** Handles a request. */
  handle(payload: Payload, caller?: TestCaller): Promise<Reply>;
  /** Handles a request, and returns the parsed body of its answer. */
  ask(payload: Payload, caller?: TestCaller): Promise<unknown>;
  /** Releases the memory of answers. */
  release(): void;
}

/** Makes the service. */
export function makeInfluxService(
  { section, fetch = globalThis.fetch, settings, now = NOW }: TestServiceOptions,
): TestService {
  const parsed = INFLUXDB_SECTION.safeParse(section);
  if (!parsed.success) throw new TypeError(JSON.stringify(parsed.error.issues));
  const closing = new AbortController();
  const deadlines = new Deadlines(SYSTEM_CLOCK, 20);
  const releases: (() => void)[] = [];
  const service = createInfluxService({
    settings: { timeoutMs: 20_000, maxResponseBytes: 1_000_000, maxCalls: 4, maxCallsPerKey: 2, ...settings },
    content: () => parsed.data,
    fetchOf: () => Promise.resolve(fetch),
    deadlines,
    now: () => now,
    closeSignal: closing.signal,
  });
  const handle: TestService["handle"] = (payload, { key = "phone", rights = INFLUXDB_RIGHTS.all, revoked } = {}) =>
    service.handle(payload, {
      key,
      kid: "",
      keyCreated: 0,
      scope: new Scope({ influxdb: rights }),
      clientSignal: new AbortController().signal,
      revoked,
      holdMemory: (release) => void releases.push(release),
    });
  return {
    handle,
    ask: async (payload, caller) => JSON.parse((await handle(payload, caller)).bodyJson),
    release: () => releases.splice(0).forEach((release) => release()),
    async [Symbol.asyncDispose]() {
      closing.abort();
      await Promise.resolve();
    },
  };
}
