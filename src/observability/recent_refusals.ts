/**
 * Requests refused of late, counted by cause: which key they name, or where they come from.
 *
 * Counts are kept by the minute, and each cause has bounds of its own: a flood of one never displaces another.
 *
 * @module
 */
import type { KeyState } from "../keys/keyring.ts";
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
  /** Number of requests. */
  readonly requests: number;
  /** Name of the key, from the files of keys. */
  readonly key?: string;
  /** Addresses with the most requests, the first one has most; absent where requests are counted by key. */
  readonly addresses?: readonly { readonly address: string; readonly requests: number }[];
  /** The clock of the last of these clients, in seconds: positive when ahead of the gateway's. */
  readonly "clock_offset_seconds"?: number;
}

/** Span of the counts, in minutes. */
export const RECENT_MINUTES = 10;

/** Most addresses, or keys, that are counted apart, of each cause in each minute: more than a household has. */
const MAX_COUNTED = 200;

/** Addresses that are shown of each cause. */
const SHOWN_ADDRESSES = 5;

/** Keys that are shown of each cause. */
const SHOWN_KEYS = 10;

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

/** Counts of requests of one address or key. */
interface Counter {
  requests: number;
  /** As the last of them said. */
  clockOffset: number | undefined;
}

/** Counts of requests of one cause. */
interface CauseCounter {
  /** All of them. */
  requests: number;
  /** By address, or by key. */
  readonly counted: Map<string, Counter>;
}

/** Counts of one minute. */
interface Minute {
  readonly number: number;
  readonly causes: Map<RefusalCause, CauseCounter>;
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
    const counter = counterOf(cause, this.#current().causes);
    counter.requests += 1;
    const who = named?.name ?? key ?? address;
    if (counter.counted.size < MAX_COUNTED || counter.counted.has(who)) {
      countApart(counter, who, { requests: 1, clockOffset });
    }
  }

  /** Returns what was counted in the last minutes, the most frequent first. */
  list(): readonly RefusalCount[] {
    const sums = new Map<RefusalCause, CauseCounter>();
    for (const { causes } of this.#recent()) {
      for (const [cause, { requests, counted }] of causes) {
        const sum = counterOf(cause, sums);
        sum.requests += requests;
        for (const [who, counter] of counted) countApart(sum, who, counter);
      }
    }
    return [...sums].flatMap(show).sort((one, other) => other.requests - one.requests);
  }

  #current(): Minute {
    const number = Math.floor(this.#monotonic() / MINUTE_MS);
    const last = this.#minutes.at(-1);
    if (last?.number === number) return last;
    const minute: Minute = { number, causes: new Map() };
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
      refusals.add(reason, request);
    },
  };
}

/** Returns the counter of a cause, and adds it where there is none. */
function counterOf(cause: RefusalCause, causes: Map<RefusalCause, CauseCounter>): CauseCounter {
  const found = causes.get(cause) ?? { requests: 0, counted: new Map() };
  causes.set(cause, found);
  return found;
}

/** Counts requests of one address or key. */
function countApart({ counted }: CauseCounter, who: string, { requests, clockOffset }: Readonly<Counter>): void {
  counted.set(who, { requests: (counted.get(who)?.requests ?? 0) + requests, clockOffset });
}

function show([cause, { requests, counted }]: readonly [RefusalCause, CauseCounter]): RefusalCount[] {
  const sorted = [...counted].sort(([, one], [, other]) => other.requests - one.requests);
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
