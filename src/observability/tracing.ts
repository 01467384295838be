/**
 * What happens, also as spans of OpenTelemetry, which Deno sends to wherever its `OTEL_` variables say.
 *
 * @module
 */
import { ProxyTracerProvider, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Telemetry } from "./telemetry.ts";

/** As much of OpenTelemetry's span as is used. */
export interface Span {
  /** Adds to it. */
  setAttributes(attributes: Readonly<Record<string, string | number>>): unknown;
  /** Says whether it failed. */
  setStatus(status: { readonly code: 2 }): unknown;
  /** Ends it, and sends it. */
  end(): void;
}

/** As much of OpenTelemetry's tracer as is used. */
export interface Tracer {
  /** Begins a span, inside of the active one. */
  startSpan(name: string): Span;
  /** Begins a span, which is active while the function runs, and returns what that returns. */
  startActiveSpan<T>(name: string, work: (span: Span) => T): T;
}

/** The scope under which the spans are found. */
const SCOPE = "e2e-gateway";

/** Finds Deno's tracer; undefined where `OTEL_DENO` did not turn it on, and spans would go nowhere. */
export function findTracer(version: string): Tracer | undefined {
  // Deno puts its own provider in the place of this one. The sandbox need not let us read the variable.
  if (trace.getTracerProvider() instanceof ProxyTracerProvider) return undefined;
  return trace.getTracer(SCOPE, version);
}

/**
 * Makes telemetry that also runs each step in a span, and has one for the life of each stream. Attributes are words of
 * ours and nothing that came in: the class of an error, the end of a stream, the version of the protocol.
 */
export function createTraced(telemetry: Telemetry, tracer: Tracer): Telemetry {
  return {
    measure: (step, work) =>
      tracer.startActiveSpan(step, async (span) => {
        try {
          return await telemetry.measure(step, work);
        } catch (error) {
          markFailed(span, error);
          throw error;
        } finally {
          span.end();
        }
      }),
    stream(version) {
      const span = tracer.startSpan("stream");
      const ended = telemetry.stream(version);
      return (end) => {
        // The reason first: it is the one that is left where a limit lets a single attribute through.
        span.setAttributes({ "e2e_gateway.end": end, "e2e_gateway.version": version });
        if (end === "failed") span.setStatus({ code: SpanStatusCode.ERROR });
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

/** A message may hold what a client sent, and a stack the message. */
function markFailed(span: Span, error: unknown): void {
  span.setAttributes({ "error.type": error instanceof Error ? error.name : typeof error });
  span.setStatus({ code: SpanStatusCode.ERROR });
}
