/** The book of a load: what became of each numbered thing that was asked for once. */

/** One numbered thing. */
export interface Entry {
  /** Who asked for it. */
  readonly who: string;
  /** When it was asked for, in milliseconds of the process's clock. */
  readonly sentAt: number;
  /** When the answer or the failure was there; undefined while neither is. */
  endedAt?: number;
  /** `acknowledged`, or the code of the failure; undefined while neither is. */
  outcome?: string;
  /** How often it arrived where it was meant to. */
  seen: number;
}

/** How an entry ends that got a good answer. */
export const ACKNOWLEDGED = "acknowledged";

/** Keeps the numbers of one kind, such as messages. */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #strangers = new Set<string>();
  readonly #now: () => number;

  /** Opens an empty book on a clock that never jumps, in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** All entries by number, the first one first. */
  get entries(): ReadonlyMap<string, Entry> {
    return this.#entries;
  }

  /** Takes a new number for something that is about to be sent. */
  begin(who: string): string {
    const number = String(this.#entries.size + 1);
    this.#entries.set(number, { who, sentAt: this.#now(), seen: 0 });
    return number;
  }

  /** Notes how something ended: {@linkcode ACKNOWLEDGED}, or the code of a failure. */
  end(number: string, outcome: string): void {
    const entry = this.#entries.get(number);
    if (entry === undefined) throw new Error(`Number was never sent: "${number}"`);
    entry.endedAt = this.#now();
    entry.outcome = outcome;
  }

  /** Notes that something arrived. */
  see(number: string): void {
    const entry = this.#entries.get(number);
    if (entry === undefined) this.#strangers.add(number);
    else entry.seen += 1;
  }

  /** How many were acknowledged that were sent after a moment. */
  acknowledgedSince(ms = -Infinity): number {
    return this.#list(({ sentAt, outcome }) => sentAt >= ms && outcome === ACKNOWLEDGED).length;
  }

  /** When each of those who ask had a good answer to something that was sent after a moment; those without are left out. */
  firstAcknowledged(ms: number): ReadonlyMap<string, number> {
    const first = new Map<string, number>();
    for (const { who, sentAt, endedAt = 0, outcome } of this.#entries.values()) {
      if (sentAt < ms || outcome !== ACKNOWLEDGED) continue;
      first.set(who, Math.min(endedAt, first.get(who) ?? Infinity));
    }
    return first;
  }

  /** Counts the failures of what was sent after a moment, by their codes. */
  failures(ms = -Infinity): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { sentAt, outcome } of this.#entries.values()) {
      if (sentAt < ms || outcome === undefined || outcome === ACKNOWLEDGED) continue;
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    }
    return counts;
  }

  /** Numbers that were acknowledged and never arrived. */
  get lost(): readonly string[] {
    return this.#list(({ outcome, seen }) => outcome === ACKNOWLEDGED && seen === 0);
  }

  /** Numbers that arrived more than once. */
  get twice(): readonly string[] {
    return this.#list(({ seen }) => seen > 1);
  }

  /** Numbers that were told as failed, and arrived all the same: their senders cannot know. */
  get untold(): readonly string[] {
    return this.#list(({ outcome, seen }) => outcome !== ACKNOWLEDGED && seen > 0);
  }

  /** What arrived under numbers that nobody sent. */
  get strangers(): ReadonlySet<string> {
    return this.#strangers;
  }

  #list(wanted: (entry: Entry) => boolean): string[] {
    return [...this.#entries].filter(([, entry]) => wanted(entry)).map(([number]) => number);
  }
}
