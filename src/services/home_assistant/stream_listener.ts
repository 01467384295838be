/**
 * States of entities, as events of one stream.
 *
 * @module
 */
import type { Key } from "../../keys/keyring.ts";
import type { Telemetry } from "../../observability/telemetry.ts";
import type { NoticeEvent, Position } from "../../protocol/event.ts";
import type { EventEncoder } from "../../streams/event_encoder.ts";
import type { EventStream } from "../../streams/event_stream.ts";
import { connectedEvent } from "../connected_event.ts";
import { matcherOfAny } from "./entities.ts";
import type { LimitMessage } from "./limit_message.ts";
import type { HomeAssistantGrants } from "./rights.ts";
import type { StateListener } from "./state_hub.ts";
import { TokenRefusedError } from "./stream_errors.ts";
import type { SubscriptionRequest } from "./subscription_request.ts";

/** Parts that convert states to events. */
export interface StreamListenerOptions {
  /** Encoder of the events. */
  readonly encoder: EventEncoder;
  /** Largest state to pass on, in bytes. */
  readonly maxEventBytes: number;
  /** Limits a message to what the key may read. */
  readonly limitMessage: LimitMessage;
  /** Counter of states that were left out. */
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
  readonly grants: HomeAssistantGrants;
  /** The request. */
  readonly request: SubscriptionRequest;
  /** Called when the subscription is granted. */
  readonly onConnected: () => void;
}

/** Makes the listener that pushes states into a stream. */
export function createStreamListener(
  { stream, key, grants, request: { patterns, since, keep }, onConnected }: StreamSubscription,
  { encoder, maxEventBytes, limitMessage, telemetry, now }: StreamListenerOptions,
): StateListener {
  let isConnected = false;
  const isWanted = matcherOfAny(patterns);
  const receiver = { mayReceive: (entity: string) => grants.mayRead(entity) };
  const notify = (type: NoticeEvent["type"], message: string, position?: Position) =>
    stream.push(encoder.event(key, { type, message, timestamp: Math.floor(now() / 1000), ...position }));
  return {
    // The same object for all streams of a key, until its rights change.
    owner: grants,
    selection: { patterns, matches: (entity) => isWanted(entity) && grants.mayRead(entity) },
    keep,
    since,
    connected(position) {
      isConnected = true;
      stream.push(encoder.event(key, connectedEvent(patterns, position)));
      onConnected();
    },
    gap: (position) => notify("gap", "Changes may be missing before the states that follow", position),
    message(message, isBacklog) {
      const { topic, payloadBytes, position } = message;
      if (payloadBytes > maxEventBytes) {
        notify("gap", `State of ${topic} is larger than ${maxEventBytes} bytes: left out`, position);
        telemetry.dropped("too_large", 1);
        return;
      }
      const event = encoder.message(key, limitMessage(message), 0, receiver);
      if (event !== undefined) stream.push(event, isBacklog);
    },
    offline: (reason) => notify("offline", reason.message),
    online: () => notify("online", "Home Assistant is back"),
    ended(reason) {
      const { message, code } = reason;
      // A client must not reconnect to a Home Assistant that refuses the token.
      const why = isConnected && !(reason instanceof TokenRefusedError) ? "broker" : "failed";
      stream.end(why, message, { code });
    },
  };
}
