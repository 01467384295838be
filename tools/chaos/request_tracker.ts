/** Record of numbered requests: how each was answered, and how often it was executed. */

/** One request. */
export interface TrackedRequest {
  /** Name of its sender. */
  readonly sender: string;
  /** Monotonic time of sending, in milliseconds. */
  readonly sentAt: number;
  /** Monotonic time of its answer or failure; undefined until then. */
  endedAt?: number;
  /** {@linkcode ACKNOWLEDGED} or the code of its failure; undefined until then. */
  outcome?: string;
  /** Number of times it arrived at the broker or Jeedom. */
  executions: number;
}

/** Outcome of a request with a successful answer. */
export const ACKNOWLEDGED = "acknowledged";

/** Tracker of the requests of one kind, such as messages. */
export class RequestTracker {
  readonly #requests = new Map<string, TrackedRequest>();
  readonly #unknown = new Set<string>();
  readonly #monotonic: () => number;

  /** @param monotonic monotonic clock, in milliseconds */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** All requests by number, in order of sending. */
  get requests(): ReadonlyMap<string, TrackedRequest> {
    return this.#requests;
  }

  /** Records a request before it is sent; returns its number. */
  send(sender: string): string {
    const number = String(this.#requests.size + 1);
    this.#requests.set(number, { sender, sentAt: this.#monotonic(), executions: 0 });
    return number;
  }

  /** Records the outcome of a request: {@linkcode ACKNOWLEDGED}, or the code of a failure. */
  finish(number: string, outcome: string): void {
    const request = this.#requests.get(number);
    if (request === undefined) throw new Error(`Number was never sent: "${number}"`);
    request.endedAt = this.#monotonic();
    request.outcome = outcome;
  }

  /** Records an execution at the broker or Jeedom. */
  execute(number: string): void {
    const request = this.#requests.get(number);
    if (request === undefined) this.#unknown.add(number);
    else request.executions += 1;
  }

  /** Returns the number of acknowledged requests that were sent at or after a time. */
  acknowledgedSince(ms = -Infinity): number {
    return this.#numbers(({ sentAt, outcome }) => sentAt >= ms && outcome === ACKNOWLEDGED).length;
  }

  /** Returns when each sender had its first success among the requests sent at or after a time. */
  firstAcknowledged(ms: number): ReadonlyMap<string, number> {
    const first = new Map<string, number>();
    for (const { sender, sentAt, endedAt = 0, outcome } of this.#requests.values()) {
      if (sentAt < ms || outcome !== ACKNOWLEDGED) continue;
      first.set(sender, Math.min(endedAt, first.get(sender) ?? Infinity));
    }
    return first;
  }

  /** Counts the failures of requests sent at or after a time, by their codes. */
  failures(ms = -Infinity): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { sentAt, outcome } of this.#requests.values()) {
      if (sentAt < ms || outcome === undefined || outcome === ACKNOWLEDGED) continue;
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    }
    return counts;
  }

  /** Numbers of requests that were acknowledged and never executed. */
  get lost(): readonly string[] {
    return this.#numbers(({ outcome, executions }) => outcome === ACKNOWLEDGED && executions === 0);
  }

  /** Numbers of requests that were executed more than once. */
  get duplicates(): readonly string[] {
    return this.#numbers(({ executions }) => executions > 1);
  }

  /** Numbers of requests that failed for their senders, but were executed. */
  get failedButExecuted(): readonly string[] {
    return this.#numbers(({ outcome, executions }) => outcome !== ACKNOWLEDGED && executions > 0);
  }

  /** Executed numbers that were never sent. */
  get unknown(): ReadonlySet<string> {
    return this.#unknown;
  }

  #numbers(matches: (request: TrackedRequest) => boolean): string[] {
    return [...this.#requests].filter(([, request]) => matches(request)).map(([number]) => number);
  }
}
