/** A telemetry that remembers what it was told. */
import type { AnsweredRequest, DropReason, StreamEnd, Telemetry } from "../../src/observability/telemetry.ts";

/** What was told. */
export interface Told {
  readonly answered: AnsweredRequest[];
  readonly refused: string[];
  readonly steps: string[];
  readonly dropped: (readonly [DropReason, number])[];
  readonly ended: StreamEnd[];
  readonly delivered: number[];
}

/** Makes it. */
export function recordTelemetry(): Telemetry & { readonly told: Told } {
  const told: Told = { answered: [], refused: [], steps: [], dropped: [], ended: [], delivered: [] };
  return {
    told,
    measure(step, work) {
      told.steps.push(step);
      return work();
    },
    stream: () => (end) => void told.ended.push(end),
    answered: (request) => void told.answered.push(request),
    refused: (reason) => void told.refused.push(reason),
    delivered: (seconds) => void told.delivered.push(seconds),
    dropped: (reason, events) => void told.dropped.push([reason, events]),
  };
}
