/**
 * Telemetry: the interface through which the gateway counts and measures, and the values that its labels can have.
 *
 * Label values are listed here or are names of services. None comes from a request, so that no client can create a new
 * time series.
 *
 * @module
 */
import type { Route } from "../protocol/v2/envelope.ts";
import type { NamedKey } from "../keys/keyring.ts";

/** Operations within each request, beside the work of its service, which has the service's name. */
export const OPERATIONS = [
  /** From the request to the decision about it. */
  "admission",
  /** Finding the key and decrypting. */
  "opening",
  /** From a publish to the broker's acknowledgement. */
  "acknowledgement",
] as const;

/** Result of a request in one word. `subscribed` is a stream whose subscription the broker granted. */
export type Result = "ok" | "subscribed" | "repeat" | "refused" | "failed";

/** Reasons for refusing a request. */
export const REFUSAL_REASONS = [
  /** No key opens it. */
  "envelope",
  /** The decrypted text is not a JSON object. */
  "payload",
  /** Its timestamp is too far from the clock. */
  "expired",
  /** The request or its nonce was received before. */
  "replay",
  /** The key does not grant it, or was revoked. */
  "scope",
  /** A field is missing or wrong. */
  "field",
  /** The address exceeds its rate limit, or its limit of failures. */
  "address_rate",
  /** The key exceeds its rate limit. */
  "key_rate",
  /** A concurrency limit is reached. */
  "busy",
  /** The body is too large, too slow or incomplete. */
  "body",
  /** The replay store is full or unavailable. */
  "store",
  /** A web page of another site sent it. */
  "cross_site",
  /** The gateway is stopping. */
  "stopping",
  /** Unknown route, wrong method, or invalid HTTP. */
  "route",
] as const;

/** Reason for refusing a request. */
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** Reasons for the end of a stream; `left` is a client that disconnected. */
export const STREAM_ENDS = ["left", "refused", "too_slow", "revoked", "broker", "restart", "failed"] as const;

/** Reason for the end of a stream. */
export type StreamEnd = (typeof STREAM_ENDS)[number];

/** Reasons for not delivering an event to a listener. */
export const DROP_REASONS = ["too_slow", "revoked", "too_large"] as const;

/** Reason for not delivering an event to a listener. */
export type DropReason = (typeof DROP_REASONS)[number];

/** Request that has been answered. */
export interface AnsweredRequest {
  /** Its route; `console` for the files of the page, `other` for every unknown path. */
  readonly route: Route | "/health" | "/health/live" | "/health/ready" | "console" | "other";
  /** Name of the requested service; `none` if the request was answered before it was read. */
  readonly service: string;
  /** Its result. */
  readonly result: Result;
  /** Time from the request to its answer, in seconds. */
  readonly seconds: number;
}

/** Sender of a refused request, as far as it is known. */
export interface RefusedRequest {
  /** The address that the request counts against. */
  readonly address: string;
  /** Name of the key that opened it; undefined if none did. */
  readonly key?: string | undefined;
  /** The key that the request names and that did not open it. For diagnosis only: any client can name a key. */
  readonly named?: NamedKey | undefined;
  /** Seconds by which the client's clock is ahead of the gateway's; undefined unless that is the reason. */
  readonly clockOffset?: number | undefined;
}

/** Receives what the gateway counts and measures. Never throws and never waits. */
export interface Telemetry {
  /**
   * Runs an operation, one of {@linkcode OPERATIONS} or of a service, and measures it; a promise until it settles.
   * Returns the result of the operation itself, not another promise of it, and throws its error.
   */
  measure<T>(operation: string, work: () => T): T;
  /** Counts a stream as open. Returns the function to call once at its end. */
  stream(version: 1 | 2): (end: StreamEnd) => void;
  /** Counts a request that has been answered. */
  answered(request: AnsweredRequest): void;
  /** Counts a refused request. */
  refused(reason: RefusalReason, request: RefusedRequest): void;
  /** Records the time from receiving a message to writing it to a listener's stream, in seconds. */
  delivered(seconds: number): void;
  /** Counts events that were not delivered to a listener. */
  dropped(reason: DropReason, events: number): void;
}

/** Metric with one value, which is read when metrics are written. */
export interface ObservedValue {
  /** Name of the metric, with its unit. */
  readonly name: string;
  /** Description in one line. */
  readonly help: string;
  /** Returns the current value; undefined, or a promise that rejects, hides the metric. */
  readonly read: () => number | undefined | Promise<number | undefined>;
}

/** Total with one value, which is read when metrics are written. */
export interface ObservedTotal extends ObservedValue {
  /** Returns the current value. */
  readonly read: () => number | undefined;
}

/** Metric with one value for each value of a label, all of which are read when metrics are written. */
export interface ObservedValues {
  /** Name of the metric, with its unit. */
  readonly name: string;
  /** Description in one line. */
  readonly help: string;
  /** Name of the label. */
  readonly label: string;
  /** Returns the current values, by value of the label. */
  readonly read: () => Iterable<readonly [label: string, value: number]>;
}

/** Registers metrics whose values are kept elsewhere, by the code that makes the measured object. */
export interface MetricRegistry {
  /** Registers a value that goes up and down. */
  gauge(options: ObservedValue | ObservedValues): void;
  /** Registers a total that only grows. */
  counter(options: ObservedTotal | ObservedValues): void;
}
