/**
 * Outcome of an attempt to send a message to a push service, and the time of the next one (RFC 8030, section 5).
 *
 * @module
 */

/** Attempt that has ended. */
export interface Attempt {
  /** Answer of the service; undefined if none came: the message may have arrived, or not. */
  readonly answer: PushAnswer | undefined;
  /** Number of attempts for this message so far, with this one. */
  readonly count: number;
  /** End of the message's lifetime, in milliseconds since 1970. */
  readonly expires: number;
  /** True once the message was shortened. */
  readonly isShortened: boolean;
}

/** Answer of a push service, as far as it counts. */
export interface PushAnswer {
  /** HTTP status. */
  readonly status: number;
  /** Header `Retry-After`. */
  readonly retryAfter: string | null;
}

/** Reason for which a message is given up: a label of the metrics. */
export type DropReason =
  /** Its lifetime ended before it was sent. */
  | "expired"
  /** The service takes no message of that size, though it was shortened. */
  | "too_large"
  /** The service does not accept the gateway's identification, or not for this subscription. */
  | "unauthorized"
  /** The service refuses the request, or redirects it. */
  | "refused";

/** Next step for a message. */
export type DeliveryStep =
  | {
    /** Distinguishes it: the service has the message. */
    readonly type: "sent";
  }
  | {
    /** Distinguishes it: the subscription is no longer there, and all its messages are given up. */
    readonly type: "gone";
  }
  | {
    /** Distinguishes it: the message is shortened and sent again at once. */
    readonly type: "shorten";
  }
  | {
    /** Distinguishes it: the message is sent again later. */
    readonly type: "retry";
    /** Time of the next attempt, in milliseconds since 1970. */
    readonly at: number;
  }
  | {
    /** Distinguishes it: the message is given up. */
    readonly type: "dropped";
    /** Reason. */
    readonly reason: DropReason;
  };

/** Clock and chance. */
export interface DeliveryContext {
  /** The time, in milliseconds since 1970. */
  readonly now: number;
  /** Returns a number from 0 up to but not including 1. */
  readonly random: () => number;
}

/** Longest first wait, in milliseconds. */
const FIRST_WAIT_MS = 5000;

/** Longest wait by the number of attempts, in milliseconds. */
const LONGEST_WAIT_MS = 15 * 60 * 1000;

/** Longest wait that a service can ask for, in milliseconds: an alert of a home is not worth more. */
const MAX_RETRY_AFTER_MS = 60 * 60 * 1000;

/** Returns the next step after an attempt. */
export function nextStep(attempt: Attempt, context: DeliveryContext): DeliveryStep {
  const { answer } = attempt;
  if (answer === undefined) return retry(attempt, context);
  const { status } = answer;
  if (status >= 200 && status < 300) return { type: "sent" };
  if (status === 408 || status === 429 || status >= 500) return retry(attempt, context);
  switch (status) {
    case 404:
    case 410:
      return { type: "gone" };
    case 413:
      return attempt.isShortened ? { type: "dropped", reason: "too_large" } : { type: "shorten" };
    case 401:
    case 403:
      return { type: "dropped", reason: "unauthorized" };
    default:
      return { type: "dropped", reason: "refused" };
  }
}

/**
 * Parses the header `Retry-After`: a number of seconds, or a date of HTTP (RFC 9110, section 10.2.3).
 *
 * @param now the time, in milliseconds since 1970
 * @returns the wait in milliseconds, at most an hour; undefined if there is none
 */
export function parseRetryAfter(text: string | null, now: number): number | undefined {
  const trimmed = text?.trim() ?? "";
  const wait = /^\d{1,10}$/.test(trimmed)
    ? Number(trimmed) * 1000
    : HTTP_DATE.test(trimmed)
    ? Date.parse(trimmed) - now
    : NaN;
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), MAX_RETRY_AFTER_MS);
}

/** Preferred form of dates (RFC 9110, section 5.6.7); services send no other one. */
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

/** Waits twice as long after each attempt, with jitter, and at least as long as the service asks for. */
function retry({ answer, count, expires }: Attempt, { now, random }: DeliveryContext): DeliveryStep {
  const bound = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (count - 1));
  const asked = parseRetryAfter(answer?.retryAfter ?? null, now) ?? 0;
  const jitter = bound * (1 + random()) / 2;
  const at = now + (asked === 0 ? jitter : asked + jitter / 10);
  return at < expires ? { type: "retry", at } : { type: "dropped", reason: "expired" };
}
