/**
 * Counts and measures what happens, and shows it, as Prometheus reads it, beside how things stand.
 *
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { createGauges } from "./gauges.ts";
import { DROP_REASONS, EXPECTED_REQUESTS, OPERATIONS, REFUSAL_REASONS, ROUTES, STREAM_ENDS } from "./metric_labels.ts";
import { createProcessMetrics, type ProcessMetricsOptions } from "./process.ts";
import type { Gauges, Telemetry } from "./telemetry.ts";

/** What metrics are made from. */
export interface MetricsOptions extends ProcessMetricsOptions {
  /** Tells how things stand; asked once for each text. */
  readonly levels: () => Gauges;
  /** The gateway's version. */
  readonly version: string;
}

/** Takes what happens, and shows it. */
export interface Metrics extends Telemetry {
  /** The media type of the text. */
  readonly contentType: string;
  /** Writes all metrics as they are now, in Prometheus' text format. */
  text(): Promise<string>;
  /** Ends the timer that watches the event loop. */
  close(): void;
}

/**
 * For whole requests, in seconds: a refusal takes 1 ms or less, a service some milliseconds, a person notices 0.1 and
 * gives up after some seconds. 10 is the longest wait for bodies and brokers, 30 for Jeedom, 120 for a long poll.
 */
const REQUEST_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120];

/** For parts of requests, in seconds: the same, and below it where opening is, which takes 0.05 to 0.5 ms. */
const STEP_BOUNDS = [0.0001, 0.00025, 0.0005, ...REQUEST_BOUNDS];

/**
 * For events, in seconds: one listener waits 1 to 3 ms, a thousand wait 20 to 40, a full queue up to 1 s. Nobody waits
 * much longer than 5, when an idle listener counts as gone.
 */
const DELIVERY_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Makes metrics that are all 0, and share nothing with others. */
export function createMetrics(options: MetricsOptions): Metrics {
  const { monotonic } = options;
  const registry = new Registry();
  const registers = [registry];

  const requests = new Counter({
    name: "e2e_gateway_requests_total",
    help: "Requests that have their answer, by route, service and result",
    labelNames: ["route", "service", "result"],
    registers,
  });
  const refusals = new Counter({
    name: "e2e_gateway_refusals_total",
    help: "Requests that were refused, by reason",
    labelNames: ["reason"],
    registers,
  });
  const requestSeconds = new Histogram({
    name: "e2e_gateway_request_seconds",
    help: "Seconds from a request to its answer, for streams to the answer of the broker",
    labelNames: ["route"],
    buckets: REQUEST_BOUNDS,
    registers,
  });
  const stepSeconds = new Histogram({
    name: "e2e_gateway_step_seconds",
    help: "Seconds that a part of a request took, whatever came of it",
    labelNames: ["step"],
    buckets: STEP_BOUNDS,
    registers,
  });
  const streams = new Gauge({
    name: "e2e_gateway_streams",
    help: "Streams that are open, by version of the protocol",
    labelNames: ["version"],
    registers,
  });
  const ended = new Counter({
    name: "e2e_gateway_streams_ended_total",
    help: "Streams that ended, by reason",
    labelNames: ["reason"],
    registers,
  });
  const dropped = new Counter({
    name: "e2e_gateway_dropped_events_total",
    help: "Events that did not reach a listener, by reason",
    labelNames: ["reason"],
    registers,
  });
  const deliverySeconds = new Histogram({
    name: "e2e_gateway_delivery_seconds",
    help: "Seconds from a message of a broker to the stream of a listener",
    buckets: DELIVERY_BOUNDS,
    registers,
  });
  new Gauge({
    name: "e2e_gateway_build_info",
    help: "Always 1; the label tells the version",
    labelNames: ["version"],
    registers,
  }).set({ version: options.version }, 1);

  // A rate needs two figures: what has not happened yet has to be seen as 0.
  for (const expected of EXPECTED_REQUESTS) requests.inc(expected, 0);
  for (const reason of REFUSAL_REASONS) refusals.inc({ reason }, 0);
  for (const route of ROUTES) requestSeconds.zero({ route });
  for (const step of OPERATIONS) stepSeconds.zero({ step });
  for (const version of [1, 2]) streams.set({ version }, 0);
  for (const reason of STREAM_ENDS) ended.inc({ reason }, 0);
  for (const reason of DROP_REASONS) dropped.inc({ reason }, 0);

  const levelText = createGauges();
  const shownProcess = createProcessMetrics(options);

  return {
    async measure(step, work) {
      const began = monotonic();
      try {
        return await work();
      } finally {
        stepSeconds.observe({ step }, (monotonic() - began) / 1000);
      }
    },
    stream(version) {
      streams.inc({ version });
      return (reason) => {
        streams.dec({ version });
        ended.inc({ reason });
      };
    },
    answered({ route, service, result, seconds }) {
      requests.inc({ route, service, result });
      requestSeconds.observe({ route }, seconds);
    },
    refused: (reason) => refusals.inc({ reason }),
    delivered: (seconds) => deliverySeconds.observe(seconds),
    dropped: (reason, events) => dropped.inc({ reason }, events),
    contentType: registry.contentType,
    async text() {
      const texts = [registry.metrics(), levelText(options.levels()), shownProcess.text()];
      return (await Promise.all(texts)).join("\n");
    },
    close: () => shownProcess.close(),
  };
}
