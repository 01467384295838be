/**
 * Events of a subscription, sealed before they are sent: each on its own, or messages that waited together as one.
 *
 * @module
 */
import type { ErrorCode } from "./error_code.ts";

/** Position in the gateway's message history, to resume after. */
export interface Position {
  /** Id of the history: a new one after each start of the gateway, unless several gateways share it. */
  readonly epoch: string;
  /** Offset in it: whole numbers that only grow, with gaps. */
  readonly offset: number;
}

/**
 * The broker granted the subscription; messages may follow. Always the first event of a successful stream. All messages
 * after its position follow; it has no position where a `gap` event comes next.
 */
export interface ConnectedEvent extends Partial<Position> {
  /** Type of the event. */
  readonly type: "connected";
  /** The first filter, as clients of one filter expect it. */
  readonly topic: string;
  /** All filters. */
  readonly topics: readonly string[];
  /** Text for people. */
  readonly message: string;
}

/** MQTT message, or the state of an entity of Home Assistant, and its position. */
export interface MessageEvent extends Position {
  /** Type of the event. */
  readonly type: "message";
  /** Topic of the message; the entity's id. */
  readonly topic: string;
  /** Payload as text; null where it is not UTF-8. */
  readonly payload: string | null;
  /** Payload in base64, only where it is not UTF-8. */
  readonly "payload_b64"?: string;
  /** Quality of service of the delivery: 0, 1 or 2. */
  readonly qos: number;
  /** True for a message that the broker had retained before the subscription. */
  readonly retain: boolean;
  /** Time at which the gateway received it, in whole seconds since 1970. */
  readonly timestamp: number;
}

/** Messages that waited together, in order; only in streams of version 2 whose request has `batch`. */
export interface MessagesEvent {
  /** Type of the event. */
  readonly type: "messages";
  /** The messages, each with its own position. */
  readonly messages: readonly Omit<MessageEvent, "type">[];
}

/**
 * Notice on a stream that continues.
 *
 * `gap`: messages may be missing; all after its position follow. `offline`: the connection to the broker was lost, and
 * the gateway reconnects; `online`: it is connected again. The last two come only with `keep`.
 */
export interface NoticeEvent extends Partial<Position> {
  /** Type of the event. */
  readonly type: "gap" | "offline" | "online";
  /** Text for people. */
  readonly message: string;
  /** Time of the event, in whole seconds since 1970. */
  readonly timestamp: number;
}

/** Heartbeat of a stream of version 2. */
export interface PingEvent {
  /** Type of the event. */
  readonly type: "ping";
  /** Time of the event, in whole seconds since 1970. */
  readonly timestamp: number;
}

/** End of a stream, and its reason. Always the last event. */
export interface FinalEvent {
  /**
   * `error`: the request or the stream failed; `disconnected`: the broker disconnected; `end`: the gateway stops, and
   * the client can reconnect later. In version 1 that is `disconnected`, too.
   */
  readonly type: "error" | "disconnected" | "end";
  /** Source of the event; absent from an older gateway. */
  readonly source?: "gateway";
  /** Stable code of the reason; absent from an older gateway. A newer one may send other codes. */
  readonly code?: ErrorCode;
  /** Reason of an `end` event. */
  readonly reason?: "restart";
  /** Shortest wait before a reconnect, in seconds, only with `end`. */
  readonly retry?: number;
  /** Text for people. */
  readonly message: string;
  /** Time of the event, in whole seconds since 1970. */
  readonly timestamp: number;
  /** Position to resume after, when the client was too slow: everything before it was sent. */
  readonly resume?: Position;
}

/** Any event of a subscription except heartbeats; of a {@linkcode MessagesEvent}, each of its messages. */
export type StreamEvent = ConnectedEvent | MessageEvent | NoticeEvent | FinalEvent;
