/**
 * Requests refused of late, counted by cause: which key they name, or where they come from.
 *
 * Counts are kept by the minute, and each cause has bounds of its own: a flood of one never displaces another.
 *
 * @module
 */
import type { KeyState } from "../security/keyring.ts";
import type { RefusalReason, RefusedRequest, Telemetry } from "./telemetry.ts";

/** Causes that are counted by address: it is not known whose request it was. */
export const ADDRESS_CAUSES = ["unknown_key", "address_rate", "cross_site"] as const;

/** Causes that are counted by the key that a request names and that did not open it: anyone can name one. */
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

/** Cause of refusals. */
export type RefusalCause = (typeof ADDRESS_CAUSES)[number] | KeyState | (typeof OPENED_CAUSES)[number];

/** Refused requests of one cause, and of one key where they are counted by key. */
export interface RefusalCount {
  /** The cause. */
  readonly cause: RefusalCause;
  /** How many requests. */
  readonly requests: number;
  /** Name of the key, from the files of keys. */
  readonly key?: string;
  /** Addresses with the most requests, the first one has most; absent where requests are counted by key. */
  readonly addresses?: readonly { readonly address: string; readonly requests: number }[];
  /** The clock of the last of these clients, in seconds: positive when ahead of the gateway's. */
  readonly "clock_offset_seconds"?: number;
}

/** How far back counts go, in minutes. */
export const RECENT_MINUTES = 10;

/** Most addresses that are counted apart, of each cause in each minute; further ones are in the sum only. */
const MAX_ADDRESSES = 200;

/** Most pairs of a key and a cause in each minute: more than a household has. */
const MAX_KEY_COUNTS = 100;

/** Addresses that are shown for each cause. */
const SHOWN_ADDRESSES = 5;

/** Pairs of a key and a cause that are shown. */
const SHOWN_KEY_COUNTS = 20;

const MINUTE_MS = 60_000;

/** Causes by reason, of requests that a key opened. */
const CAUSES_OF_OPENED: Partial<Readonly<Record<RefusalReason, RefusalCause>>> = {
  expired: "clock",
  scope: "rights",
  "key_rate": "key_rate",
};

/** The same of requests that no key opened, and that name none that is known. */
const CAUSES_OF_OTHERS: Partial<Readonly<Record<RefusalReason, RefusalCause>>> = {
  envelope: "unknown_key",
  "address_rate": "address_rate",
  "cross_site": "cross_site",
};

interface Counter {
  readonly cause: RefusalCause;
  readonly key: string | undefined;
  requests: number;
  clockOffset: number | undefined;
  readonly addresses: Map<string, number>;
}

/** Counts of one minute. */
interface Minute {
  readonly number: number;
  readonly counters: Map<string, Counter>;
  /** How many of them are of a key. */
  ofKeys: number;
}

/** Counters of refused requests that forget what is older than {@linkcode RECENT_MINUTES}. */
export class RecentRefusals {
  readonly #monotonic: () => number;
  /** The last minute comes last. */
  #minutes: Minute[] = [];

  /**
   * Makes it without requests.
   *
   * @param monotonic a clock that never jumps, in milliseconds
   */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Counts a refused request, unless its reason is none that a person could do something about. */
  add(reason: RefusalReason, { address, key, named, clockOffset }: RefusedRequest): void {
    const cause: RefusalCause | undefined = named?.state ??
      (key === undefined ? CAUSES_OF_OTHERS : CAUSES_OF_OPENED)[reason];
    // What was stamped before the gateway started is refused as expired, too.
    if (cause === undefined || (cause === "clock" && clockOffset === undefined)) return;
    const minute = this.#current();
    const counter = findCounter(minute, { cause, key: named?.name ?? key });
    if (counter === undefined) return;
    counter.requests += 1;
    if (counter.key === undefined) countAddress(counter.addresses, { address, requests: 1, most: MAX_ADDRESSES });
    else counter.clockOffset = clockOffset;
  }

  /** Returns what was counted in the last minutes, the most frequent first. */
  list(): readonly RefusalCount[] {
    const sums = new Map<string, Counter>();
    for (const { counters } of this.#recent()) {
      for (const [id, { requests, clockOffset, addresses, ...of }] of counters) {
        const sum = sums.get(id) ?? { ...of, requests: 0, clockOffset: undefined, addresses: new Map() };
        sums.set(id, sum);
        sum.requests += requests;
        sum.clockOffset = clockOffset;
        for (const [address, count] of addresses) countAddress(sum.addresses, { address, requests: count });
      }
    }
    const sorted = [...sums.values()].sort((one, other) => other.requests - one.requests);
    const keys = sorted.filter(({ key }) => key !== undefined).slice(0, SHOWN_KEY_COUNTS);
    return sorted.filter((counter) => counter.key === undefined || keys.includes(counter)).map(show);
  }

  #current(): Minute {
    const number = Math.floor(this.#monotonic() / MINUTE_MS);
    const last = this.#minutes.at(-1);
    if (last?.number === number) return last;
    const minute: Minute = { number, counters: new Map(), ofKeys: 0 };
    this.#minutes = [...this.#recent(), minute];
    return minute;
  }

  /** Returns the minutes of which a part at least is recent. */
  #recent(): Minute[] {
    const oldest = Math.floor(this.#monotonic() / MINUTE_MS) - RECENT_MINUTES;
    return this.#minutes.filter(({ number }) => number >= oldest);
  }
}

/** Makes telemetry that also counts refused requests in a history. */
export function createRefusalTelemetry(telemetry: Telemetry, refusals: Pick<RecentRefusals, "add">): Telemetry {
  return {
    ...telemetry,
    refused(reason, request) {
      telemetry.refused(reason, request);
      if (request !== undefined) refusals.add(reason, request);
    },
  };
}

/** Returns the counter of a cause and key; undefined where there is no room for another one. */
function findCounter(minute: Minute, { cause, key }: Pick<Counter, "cause" | "key">): Counter | undefined {
  const id = key === undefined ? cause : `${cause} ${key}`;
  const found = minute.counters.get(id);
  if (found !== undefined) return found;
  if (key !== undefined) {
    if (minute.ofKeys >= MAX_KEY_COUNTS) return undefined;
    minute.ofKeys += 1;
  }
  const counter: Counter = { cause, key, requests: 0, clockOffset: undefined, addresses: new Map() };
  minute.counters.set(id, counter);
  return counter;
}

function countAddress(
  addresses: Map<string, number>,
  { address, requests, most = Infinity }: {
    readonly address: string;
    readonly requests: number;
    readonly most?: number;
  },
): void {
  const count = addresses.get(address);
  if (count === undefined && addresses.size >= most) return;
  addresses.set(address, (count ?? 0) + requests);
}

function show({ cause, key, requests, clockOffset, addresses }: Counter): RefusalCount {
  if (key !== undefined) {
    return { cause, requests, key, ...clockOffset !== undefined && { "clock_offset_seconds": clockOffset } };
  }
  const most = [...addresses].sort(([, one], [, other]) => other - one).slice(0, SHOWN_ADDRESSES);
  return { cause, requests, addresses: most.map(([address, count]) => ({ address, requests: count })) };
}
