/**
 * The routes that answer with a stream of sealed Server-Sent Events: `POST /subscribe` for every service that has
 * subscriptions, and a service's own.
 *
 * @module
 */
import type { Audit } from "../observability/audit.ts";
import type { Log } from "../observability/log.ts";
import type { RefusalReason, Result, StreamEnd, Telemetry } from "../observability/telemetry.ts";
import type { ErrorCode } from "../protocol/error_code.ts";
import { FieldError, type Payload } from "../protocol/payload.ts";
import type { Key } from "../keys/keyring.ts";
import { ScopeError } from "../keys/rights.ts";
import { ServiceError, type StreamingService } from "../services/service.ts";
import type { Admission, Admit, Admitted } from "./admission.ts";
import type { RequestInfo, RouteHandler } from "../http/router.ts";
import type { EventEncoder } from "../streams/event_encoder.ts";
import { EventStream, type EventStreamOptions, type StreamSettings } from "../streams/event_stream.ts";
import type { StreamFormat } from "../streams/stream_format.ts";
import type { StreamRegistry } from "../streams/stream_registry.ts";
import { stopping } from "../http/errors.ts";
import type { Limiters } from "./limiters.ts";
import { selectService, type ServiceSelection } from "./service_selection.ts";

/** Collaborators of subscriptions. */
export interface SubscriptionOptions {
  /** Encodes events. */
  readonly encoder: EventEncoder;
  /** Open streams. */
  readonly streams: StreamRegistry;
  /** Limits of streams. */
  readonly settings: StreamSettings;
}

/** Parts and limits of the routes. */
export interface SubscribeHandlerOptions {
  /** Decides over requests. */
  readonly admit: Admit;
  /** Encoder, open streams, and limits of streams. */
  readonly subscriptions: SubscriptionOptions;
  /** Limiters that the routes share. */
  readonly limiters: Pick<Limiters, "streamLimiter" | "backlog" | "largeRecords">;
  /** Random number from 0 up to but not including 1, for the time of a retry. */
  readonly random: () => number;
  /** Recorder of measurements. */
  readonly telemetry: Pick<Telemetry, "stream" | "refused" | "delivered" | "dropped">;
  /** Audit of decisions. */
  readonly audit: Audit;
  /** Logger for failures. */
  readonly log: Log;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** The monotonic clock, in milliseconds. */
  readonly monotonic: () => number;
}

/**
 * Returns the handler of a route.
 *
 * @param selection services that the route reaches
 */
export function createSubscribeHandler(
  options: SubscribeHandlerOptions,
  selection: ServiceSelection<StreamingService>,
): RouteHandler {
  const { admit, limiters, audit, log, telemetry, now, monotonic } = options;
  const { encoder, streams, settings } = options.subscriptions;
  const only = "only" in selection ? selection.only : undefined;

  function openStream(
    key: Key,
    { format, onEnd = () => {}, onClosed = () => {} }:
      & Pick<EventStreamOptions, "format">
      & Partial<Pick<EventStreamOptions, "onEnd" | "onClosed">>,
  ): EventStream {
    const stream: EventStream = new EventStream({
      owner: key.name,
      settings,
      backlog: limiters.backlog,
      records: limiters.largeRecords,
      telemetry,
      now,
      monotonic,
      format,
      makeEvent: (event) => encoder.event(key, event),
      onEnd,
      onClosed() {
        streams.delete(stream, key.revoked);
        onClosed();
      },
    });
    streams.add(stream, key.revoked);
    return stream;
  }

  /** Returns the recorder of the decisions about a request. Held by its stream, so it must not hold the request. */
  function createRecorder({ key: { name: key, kid }, requestInfo, clockOffset }: RecordedRequest): DecisionRecorder {
    const startedAt = monotonic();
    return {
      refused: (reason) => telemetry.refused(reason, { address: requestInfo.address, key, clockOffset }),
      decided(outcome, { result, service = only?.name, target, bytes = 0 }) {
        const ms = monotonic() - startedAt;
        audit.decided({ ...requestInfo, key, kid, service, target, outcome, result, ms, bytes });
      },
    };
  }

  /** Opens the stream that answers a request, and ends it at once if the request is refused. */
  function start(
    admission: Admission,
    { format, requestInfo }: { readonly format: StreamFormat; readonly requestInfo: RequestInfo },
  ): EventStream {
    const { key } = admission;
    const clockOffset = admission.kind === "refused" ? admission.clockOffset : undefined;
    const recorder = createRecorder({ key, requestInfo, clockOffset });
    const refuse = (reason: RefusalReason, message: string, code: ErrorCode) => {
      recorder.refused(reason);
      recorder.decided(message, { result: "refused" });
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
        const release = limiters.streamLimiter.tryAcquire(key.name);
        if (release !== undefined) {
          return openSubscription(admission, { requestId: requestInfo.requestId, format, release, recorder });
        }
        admission.release();
        return refuse("busy", "Too many open streams: close one first", "busy");
      }
    }
  }

  /** Opens a stream that lasts until its client disconnects, its service ends it, or its key is revoked. */
  function openSubscription(
    { key, payload, release: releaseRequest }: Admitted,
    { requestId, format, release, recorder }: StreamContext,
  ): EventStream {
    const about: { service?: string | undefined; target?: string | undefined } = {};
    const countEnd = telemetry.stream(format.version);
    let disconnect = () => {};
    let isConnected = false;
    let isEnded = false;
    const stream = openStream(key, {
      format,
      onEnd({ why, message, sentBytes }) {
        isEnded = true;
        disconnect();
        releaseRequest();
        countEnd(why);
        if (why === "too_slow") log.warn("Listener of {key} was too slow", { request: requestId, key: key.name });
        // The answer was counted when the stream was connected.
        const result = isConnected ? undefined : RESULTS[why];
        recorder.decided(`ended: ${message}`, { result, ...about, bytes: sentBytes });
      },
      // Not at the end: a client that does not read the last event still occupies a connection.
      onClosed: release,
    });
    const onConnected = () => {
      isConnected = true;
      recorder.decided("subscribed", { result: "subscribed", ...about });
    };
    const refuse = (reason: RefusalReason, message: string, code: ErrorCode) => {
      recorder.refused(reason);
      stream.end("refused", message, { code });
    };
    try {
      const service = only ?? selectService(payload, selection);
      about.service = service.name;
      about.target = service.target(payload);
      if (key.revoked.aborted) {
        stream.revoke(key.revoked.reason.message);
        return stream;
      }
      key.scope.useService(service.name);
      if (format.allowBatches !== undefined && acceptsBatches(payload)) format.allowBatches();
      disconnect = service.subscribe(payload, { key, stream, onConnected });
      if (isEnded) disconnect();
    } catch (error) {
      if (error instanceof FieldError) refuse("field", error.message, "field");
      else if (error instanceof ScopeError) refuse("scope", error.message, "scope");
      else if (error instanceof ServiceError && error.status < 500) refuse("scope", error.message, error.code);
      else if (error instanceof ServiceError) stream.end("failed", error.message, { code: error.code });
      else {
        log.error("Subscription broke the gateway: {error}", { request: requestId, error });
        stream.end("failed", "Internal error");
      }
    }
    return stream;
  }

  function refuseWhileStopping(): void {
    if (streams.isDraining) throw stopping(options.random);
  }

  async function beginStream(admission: Admission): Promise<StreamFormat> {
    try {
      const format = await encoder.begin(admission.exchange);
      // Checked again: the stop may have begun meanwhile, and a stream that begins now would delay it.
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
    // There is no answer to keep: a repeated subscription is refused.
    if (admission.kind !== "repeat") admission.settle?.(undefined);
    const format = await beginStream(admission);
    const stream = start(admission, { format, requestInfo });
    return new Response(stream.body, {
      headers: {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-cache, no-transform",
        "X-Accel-Buffering": "no",
      },
    });
  };
}

/** Results of streams that end before their service has granted them. */
const RESULTS: Readonly<Record<StreamEnd, Result>> = {
  left: "ok",
  restart: "ok",
  refused: "refused",
  revoked: "refused",
  "too_slow": "failed",
  broker: "failed",
  failed: "failed",
};

/**
 * Returns whether the client of a stream of version 2 accepts messages that waited together as one event.
 *
 * @throws {FieldError} if the field is neither true nor false
 */
function acceptsBatches({ batch }: Payload): boolean {
  if (batch === undefined || batch === null) return false;
  if (typeof batch !== "boolean") throw new FieldError("Invalid field: batch: must be true or false");
  return batch;
}

/** Context of a stream that is opened. */
interface StreamContext {
  readonly requestId: string;
  readonly format: StreamFormat;
  /** Releases the limiter of open streams. */
  readonly release: () => void;
  readonly recorder: DecisionRecorder;
}

/** Request whose decisions are recorded. */
interface RecordedRequest {
  readonly key: Key;
  readonly requestInfo: RequestInfo;
  /** Its clock's offset from the gateway's, in seconds, where it was refused for that. */
  readonly clockOffset: number | undefined;
}

/** Recorder of the decisions about one request. */
interface DecisionRecorder {
  /** Counts a refusal. */
  refused(reason: RefusalReason): void;
  /** Writes a decision into the audit. */
  decided(
    outcome: string,
    about: {
      readonly result: Result | undefined;
      readonly service?: string | undefined;
      readonly target?: string | undefined;
      readonly bytes?: number;
    },
  ): void;
}
