/**
 * The events of a subscription, each sealed on its own before it is sent.
 *
 * @module
 */

/** The broker granted the subscription; messages may follow. Always the first event of a good stream. */
export interface ConnectedEvent {
  /** Tells the kind of event. */
  readonly type: "connected";
  /** The first filter, as clients of one filter expect it. */
  readonly topic: string;
  /** All filters. */
  readonly topics: readonly string[];
  /** The same in words. */
  readonly message: string;
}

/** One MQTT message. */
export interface MessageEvent {
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

/** Why a stream ends. Always the last event. */
export interface FinalEvent {
  /** `error`: the request or the stream failed; `disconnected`: the broker or the gateway went away. */
  readonly type: "error" | "disconnected";
  /** The reason, in words. */
  readonly message: string;
  /** When, in whole seconds since 1970. */
  readonly timestamp: number;
}

/** Any event of a subscription. */
export type StreamEvent = ConnectedEvent | MessageEvent | FinalEvent;
