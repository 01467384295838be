/** Telemetry that records its calls. */
import type { AnsweredRequest, DropReason, StreamEnd, Telemetry } from "../../src/observability/telemetry.ts";

/** Recorded calls. */
export interface RecordedTelemetry {
  readonly answered: AnsweredRequest[];
  readonly refused: string[];
  readonly operations: string[];
  readonly dropped: (readonly [DropReason, number])[];
  readonly ended: StreamEnd[];
  readonly delivered: number[];
}

/** Creates the telemetry. */
export function recordTelemetry(): Telemetry & { readonly recorded: RecordedTelemetry } {
  const recorded: RecordedTelemetry = {
    answered: [],
    refused: [],
    operations: [],
    dropped: [],
    ended: [],
    delivered: [],
  };
  return {
    recorded,
    measure(operation, work) {
      recorded.operations.push(operation);
      return work();
    },
    stream: () => (end) => void recorded.ended.push(end),
    answered: (request) => void recorded.answered.push(request),
    refused: (reason) => void recorded.refused.push(reason),
    delivered: (seconds) => void recorded.delivered.push(seconds),
    dropped: (reason, events) => void recorded.dropped.push([reason, events]),
  };
}
