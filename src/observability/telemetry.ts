/**
 * What is measured while the gateway works: the interface that the gateway knows, and the few words that it tells.
 *
 * All words come from here and none from a request, so that nobody outside can make up a label.
 *
 * @module
 */
import type { Route } from "../protocol/v2/envelope.ts";
import type { NamedKey } from "../keys/keyring.ts";

/**
 * A part of a request that takes time.
 *
 * `admission`: from the request to the decision over it; `opening`: finding the key and decrypting; `jeedom` and `mqtt`:
 * what the service of that name does; `acknowledgement`: a broker taking a message.
 */
export type Operation = string;

/** What became of a request, in one word. `subscribed` is a stream that the broker granted. */
export type Result = "ok" | "subscribed" | "repeat" | "refused" | "failed";

/** Why a request was refused. */
export type RefusalReason =
  /** No key opens it. */
  | "envelope"
  /** What was opened is no JSON object. */
  | "payload"
  /** Its time is not now. */
  | "expired"
  /** It came before, or its nonce did. */
  | "replay"
  /** The key does not grant it, or was taken away. */
  | "scope"
  /** A field is missing or wrong. */
  | "field"
  /** The address asks too often, or failed too often. */
  | "address_rate"
  /** The key asks too often. */
  | "key_rate"
  /** Too much is under way already. */
  | "busy"
  /** The body is too large, too slow, or broke off. */
  | "body"
  /** The replay store is full or away. */
  | "store"
  /** A web page of another site sent it. */
  | "cross_site"
  /** The gateway stops. */
  | "stopping"
  /** No such route, another method, or no HTTP that makes sense. */
  | "route";

/** Why a stream ended. */
export type StreamEnd = "left" | "refused" | "too_slow" | "revoked" | "broker" | "restart" | "failed";

/** Why messages did not reach a listener. */
export type DropReason = "too_slow" | "revoked" | "too_large";

/** A request that has its answer. */
export interface AnsweredRequest {
  /** Where it went; `other` for whatever is no route. */
  readonly route: Route | "/health" | "/health/live" | "/health/ready" | "other";
  /** The service that it was for; `none` where it did not come that far. */
  readonly service: string;
  /** What became of it. */
  readonly result: Result;
  /** How long it took, in seconds. */
  readonly seconds: number;
}

/** Sender of a refused request, as far as it is known. */
export interface RefusedRequest {
  /** The address that the request is counted for. */
  readonly address: string;
  /** Name of the key that opened it; undefined where none did. */
  readonly key?: string | undefined;
  /** The key that it names and that did not open it. A diagnosis only: anyone can name a key. */
  readonly named?: NamedKey | undefined;
  /** The client's clock against the gateway's, in seconds: positive when ahead. Undefined where it was not refused for that. */
  readonly clockOffset?: number | undefined;
}

/** Takes what happens. Never throws, and never waits. */
export interface Telemetry {
  /** Runs a step, and measures it. What it throws is thrown on. */
  measure<T>(step: Operation, work: () => Promise<T>): Promise<T>;
  /** Notes that a stream begins. Returns the function to be called once at its end. */
  stream(version: 1 | 2): (end: StreamEnd) => void;
  /** Counts a request that has its answer. */
  answered(request: AnsweredRequest): void;
  /** Counts a refused request. */
  refused(reason: RefusalReason, request: RefusedRequest): void;
  /** Notes how long an event waited from the broker to its listener's stream, in seconds. */
  delivered(seconds: number): void;
  /** Counts events that did not reach a listener. */
  dropped(reason: DropReason, events: number): void;
}

/** A part of the house that the gateway depends on. */
export type Dependency = "broker" | "jeedom" | "replay_store";

/** How things are at one moment: what is read when somebody asks for it, and is not counted as it happens. */
export interface Gauges {
  /** Bytes of events that wait in the queues of all listeners. */
  readonly queueBytes: number;
  /** Bytes that wait for listeners that begin to listen; a part of the former. */
  readonly backlogBytes: number;
  /** Bytes of large answers that wait to be read. */
  readonly unreadBytes: number;
  /** Bytes of messages that are kept for listeners that come back. */
  readonly ringBytes: number;
  /** Bytes of events that are kept for further listeners of the same key. */
  readonly sharedEventBytes: number;
  /** Filters that brokers are asked for. */
  readonly subscriptions: number;
  /** Who listens to them. */
  readonly listeners: number;
  /** Connections to brokers. */
  readonly brokerConnections: number;
  /** Requests that are remembered, and the bytes that they and their answers take; undefined in Redis. */
  readonly replays: { readonly entries: number; readonly bytes: number } | undefined;
  /** Bodies that are waited for. */
  readonly bodies: number;
  /** Opened requests under way. */
  readonly running: number;
  /** Parts by whether they answered the last check; those that were not checked yet are absent. */
  readonly up: Partial<Readonly<Record<Dependency, boolean>>>;
  /** Whether the gateway is ready. */
  readonly isReady: boolean;
  /** The keys that are in force, with the seconds until they expire, where they do. */
  readonly keys: readonly { readonly name: string; readonly expiresInSeconds: number | undefined }[];
}
