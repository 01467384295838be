/**
 * Spans of OpenTelemetry, which Deno exports as its `OTEL_` variables configure.
 *
 * @module
 */
import { watchOutcome } from "./outcome.ts";
import type { Telemetry } from "./telemetry.ts";

/** Part of OpenTelemetry's span that is used. */
export interface Span {
  /** Adds attributes. */
  setAttributes(attributes: Readonly<Record<string, string | number>>): unknown;
  /** Marks it as failed. */
  setStatus(status: { readonly code: 2 }): unknown;
  /** Ends it and exports it. */
  end(): void;
}

/** Part of OpenTelemetry's tracer that is used. */
export interface Tracer {
  /** Begins a span as a child of the active one. */
  startSpan(name: string): Span;
  /** Begins a span that is active while the function runs, and returns the result of the function. */
  startActiveSpan<T>(name: string, work: (span: Span) => T): T;
}

/** Name of the instrumentation scope. */
const SCOPE = "e2e-gateway";

/** Status of a span that failed, by OpenTelemetry's `SpanStatusCode.ERROR`. */
const FAILED = { code: 2 } as const;

/** Name under which OpenTelemetry's libraries share their providers. */
const PROVIDERS = Symbol.for("opentelemetry.js.api.1");

/** Returns Deno's tracer; undefined unless `OTEL_DENO` enables it. */
export function findTracer(version: string): Tracer | undefined {
  // Deno registers its providers then. The sandbox may forbid reading the variable.
  return PROVIDERS in globalThis ? Deno.telemetry.tracerProvider.getTracer(SCOPE, version) : undefined;
}

/**
 * Creates telemetry that also has a span for each operation and each stream. Attributes hold nothing from requests: the
 * class of an error, the reason for the end of a stream, the protocol version.
 */
export function createTraced(telemetry: Telemetry, tracer: Tracer): Telemetry {
  return {
    measure: (operation, work) =>
      tracer.startActiveSpan(operation, (span) =>
        watchOutcome(() => telemetry.measure(operation, work), {
          succeeded: () => span.end(),
          failed(error) {
            markFailed(span, error);
            span.end();
          },
        })),
    stream(version) {
      const span = tracer.startSpan("stream");
      const ended = telemetry.stream(version);
      return (end) => {
        // The reason first: it remains if the number of attributes is limited to one.
        span.setAttributes({ "e2e_gateway.end": end, "e2e_gateway.version": version });
        if (end === "failed") span.setStatus(FAILED);
        span.end();
        ended(end);
      };
    },
    answered: (request) => telemetry.answered(request),
    refused: (reason, request) => telemetry.refused(reason, request),
    delivered: (seconds) => telemetry.delivered(seconds),
    dropped: (reason, events) => telemetry.dropped(reason, events),
  };
}

/** Marks a span as failed, without the message and stack of the error: they may hold text from a client. */
function markFailed(span: Span, error: unknown): void {
  span.setAttributes({ "error.type": error instanceof Error ? error.name : typeof error });
  span.setStatus(FAILED);
}
