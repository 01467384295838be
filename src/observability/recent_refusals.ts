/**
 * Recently refused requests, counted by cause and by key or address.
 *
 * Counts are kept by the minute, and each cause has its own limits: a flood of one never displaces another.
 *
 * @module
 */
import type { KeyState } from "../keys/keyring.ts";
import type { Refusal } from "../protocol/admin_api.ts";
import type { RefusalReason, RefusedRequest, Telemetry } from "./telemetry.ts";

/** Causes that are counted by address, as the key is unknown. */
export const ADDRESS_CAUSES = ["unknown_key", "address_rate", "cross_site"] as const;

/** Causes that are counted by the key that a request names but that did not open it: any client can name a key. */
export const NAMED_CAUSES = [
  "old_secret",
  "removed",
  "disabled",
  "expired",
  "old_version",
  "in_force",
] as const satisfies readonly KeyState[];

/** Causes that are counted by the key that opened the request. */
export const OPENED_CAUSES = ["clock", "rights", "key_rate"] as const;

/** Cause of a refusal. */
export type RefusalCause = (typeof ADDRESS_CAUSES)[number] | KeyState | (typeof OPENED_CAUSES)[number];

/** Refused requests of one cause, and of one key where they are counted by key. */
export interface RefusalCount extends Refusal {
  /** The cause. */
  readonly cause: RefusalCause;
}

/** Time that the counts cover, in minutes. */
export const RECENT_MINUTES = 10;

/** Most addresses or keys with counts of their own, for each cause and minute: more than a household has. */
const MAX_COUNTED = 200;

/** Most addresses to list for each cause. */
const SHOWN_ADDRESSES = 5;

/** Most keys to list for each cause. */
const SHOWN_KEYS = 10;

const MINUTE_MS = 60_000;

/** Causes of refusing requests that a key opened. */
const CAUSES_WITH_KEY: Partial<Readonly<Record<RefusalReason, RefusalCause>>> = {
  expired: "clock",
  scope: "rights",
  "key_rate": "key_rate",
};

/** Causes of refusing requests that no key opened and that name no known key. */
const CAUSES_WITHOUT_KEY: Partial<Readonly<Record<RefusalReason, RefusalCause>>> = {
  envelope: "unknown_key",
  "address_rate": "address_rate",
  "cross_site": "cross_site",
};

/** Count of requests of one address or key. */
interface Counter {
  requests: number;
  /** Offset of the last of them. */
  clockOffset: number | undefined;
}

/** Counts of requests of one cause. */
interface CauseCounter {
  /** All requests, including those without a counter of their own. */
  requests: number;
  /** Counters by address or key. */
  readonly counters: Map<string, Counter>;
}

/** Counts of one minute. */
interface Minute {
  readonly number: number;
  readonly causes: Map<RefusalCause, CauseCounter>;
}

/** Counts of the requests that were refused within the last {@linkcode RECENT_MINUTES}. */
export class RecentRefusals {
  readonly #monotonic: () => number;
  /** In ascending order. */
  #minutes: Minute[] = [];

  /**
   * Creates it without requests.
   *
   * @param monotonic the monotonic clock, in milliseconds
   */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Counts a refused request, unless no operator can act on its reason. */
  add(reason: RefusalReason, { address, key, named, clockOffset }: RefusedRequest): void {
    const cause: RefusalCause | undefined = named?.state ??
      (key === undefined ? CAUSES_WITHOUT_KEY : CAUSES_WITH_KEY)[reason];
    // A timestamp before the start of the gateway is refused as expired as well.
    if (cause === undefined || (cause === "clock" && clockOffset === undefined)) return;
    const counter = counterOf(cause, this.#current().causes);
    counter.requests += 1;
    const keyOrAddress = named?.name ?? key ?? address;
    if (counter.counters.size < MAX_COUNTED || counter.counters.has(keyOrAddress)) {
      addTo(counter, keyOrAddress, { requests: 1, clockOffset });
    }
  }

  /** Returns the counts, the most frequent cause first. */
  list(): readonly RefusalCount[] {
    const sums = new Map<RefusalCause, CauseCounter>();
    for (const { causes } of this.#recent()) {
      for (const [cause, { requests, counters }] of causes) {
        const sum = counterOf(cause, sums);
        sum.requests += requests;
        for (const [keyOrAddress, counter] of counters) addTo(sum, keyOrAddress, counter);
      }
    }
    return [...sums].flatMap(toRefusalCounts).sort((one, other) => other.requests - one.requests);
  }

  #current(): Minute {
    const number = Math.floor(this.#monotonic() / MINUTE_MS);
    const last = this.#minutes.at(-1);
    if (last?.number === number) return last;
    const minute: Minute = { number, causes: new Map() };
    this.#minutes = [...this.#recent(), minute];
    return minute;
  }

  /** Returns the minutes that are at least partly recent. */
  #recent(): Minute[] {
    const oldest = Math.floor(this.#monotonic() / MINUTE_MS) - RECENT_MINUTES;
    return this.#minutes.filter(({ number }) => number >= oldest);
  }
}

/** Creates telemetry that also counts recently refused requests. */
export function createRefusalTelemetry(telemetry: Telemetry, refusals: Pick<RecentRefusals, "add">): Telemetry {
  return {
    ...telemetry,
    refused(reason, request) {
      telemetry.refused(reason, request);
      refusals.add(reason, request);
    },
  };
}

/** Returns the counter of a cause; adds it if there is none. */
function counterOf(cause: RefusalCause, causes: Map<RefusalCause, CauseCounter>): CauseCounter {
  const found = causes.get(cause) ?? { requests: 0, counters: new Map() };
  causes.set(cause, found);
  return found;
}

/** Adds requests to the counter of an address or key. */
function addTo({ counters }: CauseCounter, keyOrAddress: string, { requests, clockOffset }: Readonly<Counter>): void {
  counters.set(keyOrAddress, { requests: (counters.get(keyOrAddress)?.requests ?? 0) + requests, clockOffset });
}

function toRefusalCounts([cause, { requests, counters }]: readonly [RefusalCause, CauseCounter]): RefusalCount[] {
  const sorted = [...counters].sort(([, one], [, other]) => other.requests - one.requests);
  if (ADDRESS_CAUSES.some((one) => one === cause)) {
    const addresses = sorted.slice(0, SHOWN_ADDRESSES).map(([address, counter]) => (
      { address, requests: counter.requests }
    ));
    return [{ cause, requests, addresses }];
  }
  return sorted.slice(0, SHOWN_KEYS).map(([key, { requests, clockOffset }]) => (
    {
      cause,
      requests,
      key,
      ...clockOffset !== undefined && { "clock_offset_seconds": Math.round(clockOffset) },
    }
  ));
}
