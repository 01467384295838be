/**
 * The route `POST /mqtt/subscribe`: MQTT messages as sealed Server-Sent Events.
 *
 * @module
 */
import { BrokerError, type BrokerMessage, type ConnectBroker } from "../mqtt/broker.ts";
import { openSubscription } from "../mqtt/subscription.ts";
import { filterFault } from "../mqtt/topic.ts";
import type { Log } from "../observability/log.ts";
import { type RandomBytes, sealEnvelope } from "../protocol/envelope.ts";
import type { ConnectedEvent, MessageEvent } from "../protocol/event.ts";
import { FieldError, parseSubscribeRequest, type Payload } from "../protocol/payload.ts";
import type { Key } from "../security/keyring.ts";
import type { BrokerDirectory } from "../services/broker_directory.ts";
import { ServiceError } from "../services/service.ts";
import type { Admission, Admit } from "./admission.ts";
import { EventStream } from "./event_stream.ts";

/** What the route needs. */
export interface SubscribeOptions {
  /** Decides over requests. */
  readonly admit: Admit;
  /** Finds brokers. */
  readonly directory: BrokerDirectory;
  /** Opens connections to brokers. */
  readonly connect: ConnectBroker;
  /** Longest wait for a broker's welcome and grant, in milliseconds. */
  readonly brokerTimeoutMs: number;
  /** Bytes of events to hold for a listener. */
  readonly maxQueueBytes: number;
  /** Largest payload of a message to pass on. */
  readonly maxEventBytes: number;
  /** How long a listener may leave its queue full, in milliseconds. */
  readonly patienceMs: number;
  /** Longest silence of a stream, in milliseconds. */
  readonly keepAliveMs: number;
  /** The streams that are open, for the shutdown to end. */
  readonly streams: Set<EventStream>;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Where nonces come from. */
  readonly random: RandomBytes;
  /** Where failures are told. */
  readonly log: Log;
}

/** Makes the route's handler. */
export function createSubscribeHandler(options: SubscribeOptions): (request: Request) => Promise<Response> {
  const { admit, streams, now, random, log } = options;

  function openStream(key: Key, onEnd: () => void): EventStream {
    const stream: EventStream = new EventStream({
      seal: (plaintext) => sealEnvelope(key.secret, plaintext, random),
      maxQueueBytes: options.maxQueueBytes,
      patienceMs: options.patienceMs,
      keepAliveMs: options.keepAliveMs,
      onEnd: () => {
        streams.delete(stream);
        onEnd();
      },
      now,
    });
    streams.add(stream);
    return stream;
  }

  function start(admission: Admission): EventStream {
    const left = new AbortController();
    const { key } = admission;
    const stream = openStream(key, () => left.abort(new BrokerError("Listener left")));
    switch (admission.kind) {
      case "refused":
        log.warn("Subscription of key {key} refused: {reason}", { key: key.name, reason: admission.message });
        stream.end("error", admission.message);
        break;
      case "repeat":
        log.warn("Subscription of key {key} repeated: refused", { key: key.name });
        stream.end("error", "Request was used before: seal a new one for each subscription");
        break;
      case "admitted":
        // Nothing to give again: a repeated subscription is refused.
        admission.settle(undefined);
        feed(stream, admission.payload, left.signal);
    }
    return stream;
  }

  async function feed(stream: EventStream, payload: Payload, left: AbortSignal): Promise<void> {
    try {
      const reason = await listen(stream, payload, left);
      stream.end("disconnected", reason.message);
    } catch (error) {
      const known = error instanceof BrokerError || error instanceof FieldError || error instanceof ServiceError;
      if (known) {
        if (!left.aborted) log.warn("Subscription failed: {reason}", { reason: error.message });
        return stream.end("error", error instanceof BrokerError ? `MQTT error: ${error.message}` : error.message);
      }
      log.error("Subscription broke the gateway: {error}", { error });
      stream.end("error", "Internal error");
    }
  }

  /** Passes messages on until the listener leaves or the broker does; tells how it ended. */
  async function listen(stream: EventStream, payload: Payload, left: AbortSignal): Promise<BrokerError> {
    const request = parseSubscribeRequest(payload);
    for (const filter of request.filters) {
      const fault = filterFault(filter);
      if (fault !== undefined) throw new FieldError(`Invalid field: topic: filter ${fault}`);
    }
    const gone = Promise.withResolvers<BrokerError>();
    left.addEventListener("abort", () => gone.resolve(left.reason), { once: true });
    const connection = await openSubscription(options.connect, options.directory.resolve(request), {
      filters: request.filters,
      qos: request.qos ?? 0,
      timeoutMs: options.brokerTimeoutMs,
      signal: left,
      onGranted: () => stream.push(connectedEvent(request.filters)),
      onMessage(message) {
        if (message.payload.length <= options.maxEventBytes) return stream.push(messageEvent(message, now()));
        stream.end("error", `Message on ${message.topic} is larger than ${options.maxEventBytes} bytes`);
        return undefined;
      },
    });
    const reason = await Promise.race([connection.lost, gone.promise]);
    await connection.close();
    return reason;
  }

  return async (request) => {
    const stream = start(await admit(request));
    return new Response(stream.body, {
      headers: {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-cache, no-transform",
        "X-Accel-Buffering": "no",
      },
    });
  };
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function connectedEvent(filters: readonly string[]): ConnectedEvent {
  return {
    type: "connected",
    topic: filters[0] ?? "",
    topics: filters,
    message: `Successfully connected and subscribed to ${filters.join(", ")}`,
  };
}

function messageEvent({ topic, payload, qos, retain }: BrokerMessage, now: number): MessageEvent {
  const rest = { qos, retain, timestamp: Math.floor(now / 1000) };
  try {
    return { type: "message", topic, payload: strictUtf8.decode(payload), ...rest };
  } catch {
    return { type: "message", topic, payload: null, payload_b64: payload.toBase64(), ...rest };
  }
}
