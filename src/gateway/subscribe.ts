/**
 * The route `POST /mqtt/subscribe`: MQTT messages as sealed Server-Sent Events.
 *
 * @module
 */
import { BrokerError, BrokerForbiddenError, type BrokerMessage, type ConnectBroker } from "../mqtt/broker.ts";
import { openSubscription } from "../mqtt/subscription.ts";
import { filterFault } from "../mqtt/topic.ts";
import type { Audit } from "../observability/audit.ts";
import type { Log } from "../observability/log.ts";
import { type RandomBytes, sealEnvelope } from "../protocol/envelope.ts";
import type { ConnectedEvent, MessageEvent } from "../protocol/event.ts";
import { FieldError, parseSubscribeRequest, type Payload } from "../protocol/payload.ts";
import type { Concurrency } from "../security/concurrency.ts";
import type { Key } from "../security/keyring.ts";
import { ScopeError } from "../security/scope.ts";
import type { BrokerDirectory } from "../services/broker_directory.ts";
import { ServiceError } from "../services/service.ts";
import type { Admission, Admit, Admitted } from "./admission.ts";
import type { Caller, RouteHandler } from "./caller.ts";
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
  /** Bounds how many streams each key has open. */
  readonly listening: Concurrency;
  /** The streams that are open, for the shutdown to end. */
  readonly streams: Set<EventStream>;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Where nonces come from. */
  readonly random: RandomBytes;
  /** Where decisions are told. */
  readonly audit: Audit;
  /** Where failures are told. */
  readonly log: Log;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
}

/** Makes the route's handler. */
export function createSubscribeHandler(options: SubscribeOptions): RouteHandler {
  const { admit, listening, streams, now, random, audit, log, monotonic } = options;

  function openStream(key: Key, onEnd: (reason: string, sentBytes: number) => void): EventStream {
    const stream: EventStream = new EventStream({
      seal: (plaintext) => sealEnvelope(key.secret, plaintext, random),
      maxQueueBytes: options.maxQueueBytes,
      patienceMs: options.patienceMs,
      keepAliveMs: options.keepAliveMs,
      onEnd(...end) {
        streams.delete(stream);
        onEnd(...end);
      },
      now,
    });
    streams.add(stream);
    return stream;
  }

  function start(admission: Admission, caller: Caller): EventStream {
    const { key } = admission;
    const began = monotonic();
    const decided: Decide = (outcome, { target, bytes = 0 } = {}) => {
      const ms = monotonic() - began;
      audit.decided({ ...caller, key: key.name, kid: key.kid, service: "mqtt", target, outcome, ms, bytes });
    };
    const refuse = (reason: string) => {
      decided(reason);
      const stream = openStream(key, () => {});
      stream.end("error", reason);
      return stream;
    };
    switch (admission.kind) {
      case "refused":
        admission.settle?.(undefined);
        return refuse(admission.message);
      case "repeat":
        return refuse("Request was used before: seal a new one for each subscription");
      case "admitted": {
        // Nothing to give again: a repeated subscription is refused.
        admission.settle(undefined);
        const leave = listening.enter(key.name);
        return leave === undefined
          ? refuse("Too many open streams: close one first")
          : follow(admission, leave, decided);
      }
    }
  }

  /** Opens a stream that lasts until its listener leaves, its broker is lost, or its key is revoked. */
  function follow({ key, payload }: Admitted, leave: () => void, decided: Decide): EventStream {
    const target = topicsOf(payload);
    const left = new AbortController();
    const stream = openStream(key, (reason, bytes) => {
      leave();
      left.abort(new BrokerError("Listener left"));
      decided(`ended: ${reason}`, { target, bytes });
    });
    // What waits is not for somebody whose key was taken away.
    const revoke = () => stream.cutOff(key.revoked.reason.message);
    key.revoked.addEventListener("abort", revoke, { signal: left.signal });
    if (key.revoked.aborted) revoke();
    else feed(stream, { key, payload, left: left.signal, onGranted: () => decided("subscribed", { target }) });
    return stream;
  }

  async function feed(stream: EventStream, feeding: Feeding): Promise<void> {
    try {
      const reason = await listen(stream, feeding);
      stream.end("disconnected", reason.message);
    } catch (error) {
      if (error instanceof BrokerError) {
        stream.end("error", error instanceof BrokerForbiddenError ? error.message : `MQTT error: ${error.message}`);
      } else if (error instanceof FieldError || error instanceof ServiceError || error instanceof ScopeError) {
        stream.end("error", error.message);
      } else {
        log.error("Subscription broke the gateway: {error}", { error });
        stream.end("error", "Internal error");
      }
    }
  }

  /** Passes messages on until the listener leaves or the broker does; tells how it ended. */
  async function listen(stream: EventStream, { key, payload, left, onGranted }: Feeding): Promise<BrokerError> {
    const { scope } = key;
    scope.useService("mqtt");
    const request = parseSubscribeRequest(payload);
    for (const filter of request.filters) {
      const fault = filterFault(filter);
      if (fault !== undefined) throw new FieldError(`Invalid field: topic: filter ${fault}`);
      scope.subscribe(filter);
    }
    const gone = Promise.withResolvers<BrokerError>();
    left.addEventListener("abort", () => gone.resolve(left.reason), { once: true });
    const connection = await openSubscription(options.connect, options.directory.resolve(request, scope), {
      filters: request.filters,
      qos: request.qos ?? 0,
      timeoutMs: options.brokerTimeoutMs,
      signal: left,
      onGranted() {
        stream.push(connectedEvent(request.filters));
        onGranted();
      },
      onMessage(message) {
        // What was granted is checked again on what comes: brokers have their own ideas of matching.
        if (!scope.mayReceive(message.topic)) return undefined;
        if (message.payload.length <= options.maxEventBytes) return stream.push(messageEvent(message, now()));
        stream.end("error", `Message on ${message.topic} is larger than ${options.maxEventBytes} bytes`);
        return undefined;
      },
    });
    const reason = await Promise.race([connection.lost, gone.promise]);
    await connection.close();
    return reason;
  }

  return async (request, caller) => {
    const stream = start(await admit(request, caller.address), caller);
    return new Response(stream.body, {
      headers: {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-cache, no-transform",
        "X-Accel-Buffering": "no",
      },
    });
  };
}

/** What a stream is fed with. */
interface Feeding {
  readonly key: Key;
  readonly payload: Payload;
  /** Aborts when no more events are wanted. */
  readonly left: AbortSignal;
  /** Called when the broker has granted the subscription. */
  readonly onGranted: () => void;
}

/** Tells the audit what became of a stream. */
type Decide = (outcome: string, about?: { readonly target?: string | undefined; readonly bytes?: number }) => void;

/** The topics that a request names, for the audit: they are yet to be checked. */
function topicsOf({ topic, topics }: Payload): string | undefined {
  const named = [topic, ...Array.isArray(topics) ? topics : []].filter((name) => typeof name === "string");
  return named.length === 0 ? undefined : named.join(" ");
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
