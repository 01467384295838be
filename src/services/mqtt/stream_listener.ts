/**
 * What one stream hears of its broker, turned into events.
 *
 * @module
 */
import { type BrokerError, BrokerForbiddenError } from "../../mqtt/broker.ts";
import type { Subscriber } from "../../mqtt/hub/subscriber.ts";
import { deliveredFilter, isShared } from "../../mqtt/topics/rules.ts";
import { TopicFilterSet } from "../../mqtt/topics/filter_set.ts";
import type { Telemetry } from "../../observability/telemetry.ts";
import type { ErrorCode } from "../../protocol/error_code.ts";
import type { ConnectedEvent, NoticeEvent, Position } from "../../protocol/event.ts";
import type { SubscribeRequest } from "../../protocol/payload.ts";
import type { Key } from "../../keys/keyring.ts";
import type { EventEncoder } from "../../streams/event_encoder.ts";
import type { EventStream } from "../../streams/event_stream.ts";

/** What turning messages into events takes. */
export interface StreamListenerOptions {
  /** Seals events. */
  readonly encoder: EventEncoder;
  /** Largest payload of a message to pass on. */
  readonly maxEventBytes: number;
  /** Where it is counted what was left out. */
  readonly telemetry: Pick<Telemetry, "dropped">;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
}

/** A stream, and what it is to hear. */
export interface StreamSubscription {
  /** Where the events go. */
  readonly stream: EventStream;
  /** Whose it is. */
  readonly key: Key;
  /** What was asked for. */
  readonly request: SubscribeRequest;
  /** Called when the broker has granted the subscription. */
  readonly onConnected: () => void;
}

/** Makes the listener that has a stream tell what a broker sends. */
export function createStreamListener(
  { stream, key, request: { filters, qos = 0, since, keep = false }, onConnected }: StreamSubscription,
  { encoder, maxEventBytes, telemetry, now }: StreamListenerOptions,
): Subscriber {
  let isConnected = false;
  // The filters were granted with the subscription. A share of a topic's messages gives no right to the topic itself.
  const shares = filters.some(isShared) ? new TopicFilterSet(filters.map(deliveredFilter)) : undefined;
  const notify = (type: NoticeEvent["type"], message: string, position?: Position) =>
    stream.push(encoder.event(key, { type, message, timestamp: Math.floor(now() / 1000), ...position }));
  return {
    owner: key.name,
    filters,
    qos,
    keep,
    since,
    connected(position) {
      isConnected = true;
      stream.push(encoder.event(key, connectedEvent(filters, position)));
      onConnected();
    },
    gap: (position) => notify("gap", "Messages may be missing before what follows", position),
    message(message, isBacklog) {
      const isShare = shares?.matches(message.topic);
      if (message.payloadBytes > maxEventBytes || message.isOmitted) {
        // Brokers have their own ideas of matching: what the key may not receive is not even told to exist.
        if (!isShare && !key.scope.mayReceive(message.topic)) return;
        // The end would help nobody: whoever comes back meets it again.
        notify("gap", `Message on ${message.topic} is larger than ${maxEventBytes} bytes: left out`, message.position);
        telemetry.dropped("too_large", 1);
        return;
      }
      const event = encoder.message(key, message, qos, isShare);
      if (event !== undefined) stream.push(event, isBacklog);
    },
    offline: (reason) => notify("offline", reason.message),
    online: () => notify("online", "The broker is back"),
    ended(reason) {
      if (isConnected) stream.end("broker", reason.message);
      else stream.end("failed", brokerFailure(reason), { code: brokerCode(reason) });
    },
  };
}

/** What whoever subscribed is told when a broker does not let him. */
export function brokerFailure(error: BrokerError): string {
  return error instanceof BrokerForbiddenError ? error.message : `MQTT error: ${error.message}`;
}

/** The same in one word. */
export function brokerCode(error: BrokerError): ErrorCode {
  return error instanceof BrokerForbiddenError ? "broker_not_allowed" : "broker";
}

function connectedEvent(filters: readonly string[], position: Position | undefined): ConnectedEvent {
  return {
    type: "connected",
    topic: filters[0] ?? "",
    topics: filters,
    message: `Successfully connected and subscribed to ${filters.join(", ")}`,
    ...position,
  };
}
