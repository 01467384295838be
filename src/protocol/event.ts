/**
 * The events of a subscription, each sealed on its own before it is sent.
 *
 * @module
 */
import type { ErrorCode } from "./error_code.ts";

/** A place in the gateway's order of messages, to come back to after a stream broke off. */
export interface Position {
  /** Which order: another one after each start of the gateway. */
  readonly epoch: string;
  /** The place in it: whole numbers that only grow, with holes. */
  readonly offset: number;
}

/**
 * The broker granted the subscription; messages may follow. Always the first event of a good stream. All that comes
 * after its position follows; it has none where a gap is told next.
 */
export interface ConnectedEvent extends Partial<Position> {
  /** Tells the kind of event. */
  readonly type: "connected";
  /** The first filter, as clients of one filter expect it. */
  readonly topic: string;
  /** All filters. */
  readonly topics: readonly string[];
  /** The same in words. */
  readonly message: string;
}

/** One MQTT message, and its position. */
export interface MessageEvent extends Position {
  /** Tells the kind of event. */
  readonly type: "message";
  /** The topic that the message was published to. */
  readonly topic: string;
  /** The payload as text, or null where it is not UTF-8. */
  readonly payload: string | null;
  /** The payload in base64, only where it is not UTF-8. */
  readonly "payload_b64"?: string;
  /** Quality of service of the delivery: 0, 1 or 2. */
  readonly qos: number;
  /** True for a message that the broker had kept from before the subscription. */
  readonly retain: boolean;
  /** When the gateway received it, in whole seconds since 1970. */
  readonly timestamp: number;
}

/**
 * What happened to a stream that goes on.
 *
 * `gap`: something may be missing; all that comes after its position follows. `offline`: the connection to the broker
 * was lost, and is being made again; `online`: it is there again. The last two come only to whoever asked for `keep`.
 */
export interface NoticeEvent extends Partial<Position> {
  /** Tells the kind of event. */
  readonly type: "gap" | "offline" | "online";
  /** What happened, in words. */
  readonly message: string;
  /** When, in whole seconds since 1970. */
  readonly timestamp: number;
}

/** A sign of life of a stream of version 2. */
export interface PingEvent {
  /** Tells the kind of event. */
  readonly type: "ping";
  /** When, in whole seconds since 1970. */
  readonly timestamp: number;
}

/** Why a stream ends. Always the last event. */
export interface FinalEvent {
  /**
   * `error`: the request or the stream failed; `disconnected`: the broker went away; `end`: the gateway stops, and a
   * new stream can be had when it is back. In version 1 that is `disconnected`, too.
   */
  readonly type: "error" | "disconnected" | "end";
  /** Tells that the gateway itself says so; absent from an older gateway. */
  readonly source?: "gateway";
  /** The reason, in one word that never changes; absent from an older gateway. A newer one may know other words. */
  readonly code?: ErrorCode;
  /** What the end is for, only with `end`. */
  readonly reason?: "restart";
  /** When to come back, in seconds, only with `end`. */
  readonly retry?: number;
  /** The reason, in words. */
  readonly message: string;
  /** When, in whole seconds since 1970. */
  readonly timestamp: number;
  /** Where to go on, when the listener was too slow: all that came before was sent. */
  readonly resume?: Position;
}

/** Any event of a subscription, but signs of life. */
export type StreamEvent = ConnectedEvent | MessageEvent | NoticeEvent | FinalEvent;
