/** Telemetry that records its calls. */
import type { AnsweredRequest, DropReason, StreamEnd, Telemetry } from "../../src/observability/telemetry.ts";

/** Recorded calls. */
export interface Told {
  readonly answered: AnsweredRequest[];
  readonly refused: string[];
  readonly steps: string[];
  readonly dropped: (readonly [DropReason, number])[];
  readonly ended: StreamEnd[];
  readonly delivered: number[];
}

/** Creates the telemetry. */
export function recordTelemetry(): Telemetry & { readonly told: Told } {
  const told: Told = { answered: [], refused: [], steps: [], dropped: [], ended: [], delivered: [] };
  return {
    told,
    measure(operation, work) {
      told.steps.push(operation);
      return work();
    },
    stream: () => (end) => void told.ended.push(end),
    answered: (request) => void told.answered.push(request),
    refused: (reason) => void told.refused.push(reason),
    delivered: (seconds) => void told.delivered.push(seconds),
    dropped: (reason, events) => void told.dropped.push([reason, events]),
  };
}
