/**
 * Messages of a broker, as events of one stream.
 *
 * @module
 */
import { type BrokerError, BrokerForbiddenError } from "../../mqtt/broker.ts";
import type { Subscriber } from "../../mqtt/hub/subscriber.ts";
import { deliveredFilter, isShared } from "../../mqtt/topics/rules.ts";
import { TopicFilterSet } from "../../mqtt/topics/filter_set.ts";
import type { Telemetry } from "../../observability/telemetry.ts";
import type { ErrorCode } from "../../protocol/error_code.ts";
import type { NoticeEvent, Position } from "../../protocol/event.ts";
import type { Key } from "../../keys/keyring.ts";
import type { EventEncoder } from "../../streams/event_encoder.ts";
import type { EventStream } from "../../streams/event_stream.ts";
import { connectedEvent } from "../connected_event.ts";
import type { SubscribeRequest } from "./request.ts";
import type { MqttGrants } from "./rights.ts";

/** Parts that convert messages to events. */
export interface StreamListenerOptions {
  /** Encoder of the events. */
  readonly encoder: EventEncoder;
  /** Largest payload of a message to pass on, in bytes. */
  readonly maxEventBytes: number;
  /** Counter of messages that were left out. */
  readonly telemetry: Pick<Telemetry, "dropped">;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
}

/** A subscription, and the stream that answers it. */
export interface StreamSubscription {
  /** Destination of the events. */
  readonly stream: EventStream;
  /** Key of the request. */
  readonly key: Key;
  /** Rights of the key. */
  readonly grants: MqttGrants;
  /** The request. */
  readonly request: SubscribeRequest;
  /** Called when the broker has granted the subscription. */
  readonly onConnected: () => void;
}

/** Makes the subscriber that pushes a broker's messages into a stream. */
export function createStreamListener(
  { stream, key, grants, request: { filters, qos = 0, since, keep = false }, onConnected }: StreamSubscription,
  { encoder, maxEventBytes, telemetry, now }: StreamListenerOptions,
): Subscriber {
  let isConnected = false;
  const receiver = filters.some(isShared) ? sharedReceiver(filters, grants) : grants;
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
      if (message.payloadBytes > maxEventBytes || message.isOmitted) {
        // Brokers differ in matching: the key must not learn that a message exists which it may not receive.
        if (!receiver.mayReceive(message.topic)) return;
        // Ending the stream would not help: a resumed one would receive the message again.
        notify("gap", `Message on ${message.topic} is larger than ${maxEventBytes} bytes: left out`, message.position);
        telemetry.dropped("too_large", 1);
        return;
      }
      const event = encoder.message(key, message, qos, receiver);
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

/** Returns the message for a client whose request a broker did not accept. */
export function brokerFailure(error: BrokerError): string {
  return error instanceof BrokerForbiddenError ? error.message : `MQTT error: ${error.message}`;
}

/** Returns the code that belongs to the message. */
export function brokerCode(error: BrokerError): ErrorCode {
  return error instanceof BrokerForbiddenError ? "broker_not_allowed" : "broker";
}

/** Adds messages of a shared subscription: it was granted, but gives no right to the topic itself. */
function sharedReceiver(filters: readonly string[], grants: MqttGrants): Pick<MqttGrants, "mayReceive"> {
  const shares = new TopicFilterSet(filters.map(deliveredFilter));
  return { mayReceive: (topic) => shares.matches(topic) || grants.mayReceive(topic) };
}
