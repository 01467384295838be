/**
 * The route `POST /mqtt/subscribe`: MQTT messages as sealed Server-Sent Events.
 *
 * @module
 */
import { type BrokerAddress, BrokerError } from "../mqtt/broker.ts";
import type { Subscriber } from "../mqtt/hub/subscriber.ts";
import { filterFault, grantFault, isShared, isSystemTopic } from "../mqtt/topics/rules.ts";
import type { Audit } from "../observability/audit.ts";
import type { Log } from "../observability/log.ts";
import type { RefusalReason, Result, StreamEnd, Telemetry } from "../observability/telemetry.ts";
import type { ErrorCode } from "../protocol/error_code.ts";
import { FieldError, parseSubscribeRequest, type Payload, type SubscribeRequest } from "../protocol/payload.ts";
import type { ConcurrencyLimiter } from "../limits/concurrency_limiter.ts";
import type { Key } from "../keys/keyring.ts";
import { ScopeError } from "../keys/rights.ts";
import type { BrokerDirectory } from "../services/mqtt/broker_directory.ts";
import { ServiceError } from "../services/service.ts";
import type { Admission, Admit, Admitted } from "./admission.ts";
import type { RequestInfo, RouteHandler } from "../http/request_info.ts";
import type { EventEncoder, StreamFormat } from "../streams/event_encoder.ts";
import { EventStream, type EventStreamOptions, LargeRecords, type StreamSettings } from "../streams/event_stream.ts";
import type { MemoryBudget } from "../limits/memory_budget.ts";
import type { StreamRegistry } from "../streams/stream_registry.ts";
import { stopping } from "../http/errors.ts";
import { brokerCode, brokerFailure, createStreamListener } from "../services/mqtt/stream_listener.ts";

/** Brokers that can be listened to. */
export interface ListenToBrokers {
  /**
   * Adds a listener to a broker's messages.
   *
   * @returns the function that takes it away again
   * @throws {BrokerError} if there are too many connections or filters
   */
  listen(address: BrokerAddress, listener: Subscriber): () => void;
}

/** What the route needs. */
export interface SubscribeOptions {
  /** Decides over requests. */
  readonly admit: Admit;
  /** Finds brokers. */
  readonly directory: BrokerDirectory;
  /** Listens to them. */
  readonly brokers: ListenToBrokers;
  /** Encodes events. */
  readonly encoder: EventEncoder;
  /** Limits of streams. */
  readonly settings: StreamSettings;
  /** Where what waits for listeners beyond that is counted. */
  readonly backlog: MemoryBudget;
  /** Bounds how many streams each key has open. */
  readonly streamLimiter: ConcurrencyLimiter;
  /** The streams that are open. */
  readonly streams: StreamRegistry;
  /** Draws from 0 up to but not including 1, for when to come again. */
  readonly random: () => number;
  /** Where streams are measured. */
  readonly telemetry: Pick<Telemetry, "stream" | "refused" | "delivered" | "dropped">;
  /** Where decisions are told. */
  readonly audit: Audit;
  /** Where failures are told. */
  readonly log: Log;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
}

/** Makes the route's handler. */
export function createSubscribeHandler(options: SubscribeOptions): RouteHandler {
  const { admit, backlog, settings, streamLimiter, streams, encoder, audit, log, telemetry, now, monotonic } = options;
  const { maxEventBytes } = settings;
  const records = new LargeRecords();

  function openStream(
    key: Key,
    { format, onEnd = () => {}, onClosed = () => {} }:
      & Pick<EventStreamOptions, "format">
      & Partial<Pick<EventStreamOptions, "onEnd" | "onClosed">>,
  ): EventStream {
    const stream: EventStream = new EventStream({
      owner: key.name,
      settings,
      backlog,
      records,
      telemetry,
      now,
      monotonic,
      format,
      makeEvent: (event) => encoder.event(key, event),
      onEnd,
      onClosed() {
        streams.delete(stream);
        onClosed();
      },
    });
    streams.add(stream);
    return stream;
  }

  function start(
    admission: Admission,
    { format, caller: requestInfo }: { readonly format: StreamFormat; readonly caller: RequestInfo },
  ): EventStream {
    const { key } = admission;
    const began = monotonic();
    const countRefusal = (reason: RefusalReason) => {
      const clockOffset = admission.kind === "refused" ? admission.clockOffset : undefined;
      telemetry.refused(reason, { address: requestInfo.address, key: key.name, clockOffset });
    };
    const decided: Decide = (outcome, { result, target, bytes = 0 }) => {
      const ms = monotonic() - began;
      audit.decided({
        ...requestInfo,
        key: key.name,
        kid: key.kid,
        service: "mqtt",
        target,
        outcome,
        result,
        ms,
        bytes,
      });
    };
    const refuse = (reason: RefusalReason, message: string, code: ErrorCode) => {
      countRefusal(reason);
      decided(message, { result: "refused" });
      const stream = openStream(key, { format });
      stream.end("refused", message, { code });
      return stream;
    };
    switch (admission.kind) {
      case "refused":
        return refuse(admission.reason, admission.message, admission.code);
      case "repeat":
        return refuse("replay", "Request was used before: seal a new one for each subscription", "replay");
      case "admitted": {
        const release = streamLimiter.tryAcquire(key.name);
        if (release !== undefined) {
          return follow(admission, { request: requestInfo.requestId, format, leave: release, decided, countRefusal });
        }
        admission.release();
        return refuse("busy", "Too many open streams: close one first", "busy");
      }
    }
  }

  /** Opens a stream that lasts until its listener leaves, its broker is lost, or its key is revoked. */
  function follow(
    { key, payload, release: releaseLarge }: Admitted,
    { request, format, leave: release, decided, countRefusal }: {
      readonly request: string;
      readonly format: StreamFormat;
      readonly leave: () => void;
      readonly decided: Decide;
      readonly countRefusal: SubscriptionRequest["countRefusal"];
    },
  ): EventStream {
    const target = topicsOf(payload);
    const left = new AbortController();
    const ended = telemetry.stream(format.version);
    let isConnected = false;
    const stream = openStream(key, {
      format,
      onEnd({ why, message, sentBytes }) {
        left.abort();
        releaseLarge();
        ended(why);
        if (why === "too_slow") log.warn("Listener of {key} was too slow", { request, key: key.name });
        // The answer was counted when the stream was connected.
        const result = isConnected ? undefined : RESULTS[why];
        decided(`ended: ${message}`, { result, target, bytes: sentBytes });
      },
      // Not at the end: somebody who does not read the last event still takes up a connection.
      onClosed: release,
    });
    const onConnected = () => {
      isConnected = true;
      decided("subscribed", { result: "subscribed", target });
    };
    // What waits is not for somebody whose key was taken away.
    const revoke = () => stream.revoke(key.revoked.reason.message);
    key.revoked.addEventListener("abort", revoke, { signal: left.signal });
    if (key.revoked.aborted) revoke();
    else listen(stream, { request, key, payload, left: left.signal, onConnected, countRefusal });
    return stream;
  }

  /** Has the stream hear what the request asks for. */
  function listen(
    stream: EventStream,
    { request, key, payload, left, onConnected, countRefusal }: SubscriptionRequest,
  ): void {
    const refuse = (reason: RefusalReason, message: string, code: ErrorCode) => {
      countRefusal(reason);
      stream.end("refused", message, { code });
    };
    try {
      const wanted = parseSubscribeRequest(payload);
      authorize(key, wanted);
      const address = options.directory.resolve(wanted, key.scope);
      const stop = options.brokers.listen(
        address,
        createStreamListener({ stream, key, request: wanted, onConnected }, { encoder, maxEventBytes, telemetry, now }),
      );
      if (left.aborted) stop();
      else left.addEventListener("abort", stop, { once: true });
    } catch (error) {
      if (error instanceof BrokerError) stream.end("failed", brokerFailure(error), { code: brokerCode(error) });
      else if (error instanceof FieldError) refuse("field", error.message, "field");
      else if (error instanceof ScopeError) refuse("scope", error.message, "scope");
      else if (error instanceof ServiceError) refuse("scope", error.message, error.code);
      else {
        log.error("Subscription broke the gateway: {error}", { request, error });
        stream.end("failed", "Internal error");
      }
    }
  }

  function refuseWhileStopping(): void {
    if (streams.isDraining) throw stopping(options.random);
  }

  async function beginStream(admission: Admission): Promise<StreamFormat> {
    try {
      const format = await encoder.begin(admission.exchange);
      // Once more: what waited may have waited past the signal, and a stream that begins now would hold up the stop.
      refuseWhileStopping();
      return format;
    } catch (error) {
      if (admission.kind === "admitted") admission.release();
      throw error;
    }
  }

  return async (request, requestInfo) => {
    refuseWhileStopping();
    const admission = await admit(request, requestInfo);
    // Nothing to give again: a repeated subscription is refused.
    if (admission.kind !== "repeat") admission.settle?.(undefined);
    const format = await beginStream(admission);
    const stream = start(admission, { format, caller: requestInfo });
    return new Response(stream.body, {
      headers: {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-cache, no-transform",
        "X-Accel-Buffering": "no",
      },
    });
  };
}

/** What to call it when a stream ends before its broker has granted it: who left had no wish for an answer. */
const RESULTS: Readonly<Record<StreamEnd, Result>> = {
  left: "ok",
  restart: "ok",
  refused: "refused",
  revoked: "refused",
  "too_slow": "failed",
  broker: "failed",
  failed: "failed",
};

/** Who is to hear what. */
interface SubscriptionRequest {
  /** Id of the request. */
  readonly request: string;
  readonly key: Key;
  readonly payload: Payload;
  /** Aborts when no more events are wanted. */
  readonly left: AbortSignal;
  /** Called when the broker has granted the subscription. */
  readonly onConnected: () => void;
  /** Called when it is refused. */
  readonly countRefusal: (reason: RefusalReason) => void;
}

/** Tells the audit what became of a stream. */
type Decide = (
  outcome: string,
  about: { readonly result: Result | undefined; readonly target?: string | undefined; readonly bytes?: number },
) => void;

/** The topics that a request names, for the audit: they are yet to be checked. */
function topicsOf({ topic, topics }: Payload): string | undefined {
  const named = [topic, ...Array.isArray(topics) ? topics : []].filter((name) => typeof name === "string");
  return named.length === 0 ? undefined : named.join(" ");
}

/**
 * Asks whether a key may subscribe.
 *
 * @throws {FieldError} if a filter is malformed
 * @throws {ScopeError} if the key does not grant it
 */
function authorize({ scope }: Key, { filters }: SubscribeRequest): void {
  scope.useService("mqtt");
  for (const filter of filters) {
    const isNamed = isSystemTopic(filter) && scope.maySubscribe(filter);
    const fault = isNamed ? grantFault(filter) : filterFault(filter);
    if (fault !== undefined) throw new FieldError(`Invalid field: topic: filter ${fault}`);
    scope.subscribe(filter);
  }
  if (filters.length > 1 && filters.some(isShared)) {
    throw new FieldError("Invalid field: topics: a filter that begins with $share must be the only one");
  }
}
