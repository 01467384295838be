/**
 * Metrics of the gateway in Prometheus' text format. Only this file imports prom-client.
 *
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Route } from "../protocol/v2/envelope.ts";
import { watchOutcome } from "./outcome.ts";
import {
  type AnsweredRequest,
  DROP_REASONS,
  type MetricRegistry,
  type ObservedValue,
  OPERATIONS,
  REFUSAL_REASONS,
  type Result,
  STREAM_ENDS,
  type Telemetry,
} from "./telemetry.ts";

/** Options of metrics. */
export interface MetricsOptions {
  /** Monotonic clock, in milliseconds. */
  readonly monotonic: () => number;
  /** Version of the gateway. */
  readonly version: string;
}

/** Service whose requests are counted. */
export interface MeasuredService {
  /** Its name. */
  readonly name: string;
  /** True if it has streams. */
  readonly hasSubscriptions: boolean;
  /** Routes of its own, beside `/gateway` and `/subscribe`. */
  readonly aliases?: { readonly call: Route; readonly subscribe: Route } | undefined;
}

/** Telemetry that can be written as text. */
export interface Metrics extends Telemetry, MetricRegistry {
  /** Media type of the text. */
  readonly contentType: string;
  /** Exports the label values of a service as 0 before they first occur. */
  addService(service: MeasuredService): void;
  /** Returns all metrics with their current values in Prometheus' text format. */
  text(): Promise<string>;
}

/**
 * Buckets for whole requests, in seconds: a refusal takes at most 1 ms, a service some milliseconds, and people notice
 * 0.1 s. 10 is the longest wait for bodies, 30 for a service, 120 for a long poll.
 */
const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120];

/** Buckets for operations, in seconds: opening a request takes 0.05 to 0.5 ms. */
const OPERATION_BUCKETS = [0.0001, 0.00025, 0.0005, ...REQUEST_BUCKETS];

/**
 * Buckets for delivering events, in seconds: one listener waits 1 to 3 ms, a thousand wait 20 to 40, a full queue up to
 * 1 s. A listener that reads nothing for 5 s is disconnected.
 */
const DELIVERY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

const EXECUTED: readonly Result[] = ["ok", "refused", "failed"];
const NOT_EXECUTED: readonly Result[] = ["repeat", "refused", "failed"];

const SUBSCRIBED: readonly Result[] = ["subscribed", "refused", "failed"];

/**
 * Expected results of requests without a service, by route; those of {@linkcode MeasuredService.aliases} are the ones of
 * `/gateway`. They are exported as 0 before they first occur, as a rate
 * needs two values. Other combinations are counted all the same.
 */
const EXPECTED_RESULTS: Partial<Readonly<Record<AnsweredRequest["route"], readonly Result[]>>> = {
  "/gateway": NOT_EXECUTED,
  "/subscribe": NOT_EXECUTED,
  "/pair": NOT_EXECUTED,
  "/health": EXECUTED,
  "/health/live": EXECUTED,
  "/health/ready": EXECUTED,
  console: EXECUTED,
  other: ["refused", "failed"],
};

/** Creates metrics that share nothing with other ones. */
export function createMetrics({ monotonic, version }: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];

  const requests = new Counter({
    name: "e2e_gateway_requests_total",
    help: "Answered requests, by route, service and result",
    labelNames: ["route", "service", "result"],
    registers,
  });
  const refusals = new Counter({
    name: "e2e_gateway_refusals_total",
    help: "Refused requests, by reason",
    labelNames: ["reason"],
    registers,
  });
  const requestSeconds = new Histogram({
    name: "e2e_gateway_request_seconds",
    help: "Seconds from a request to its answer; for a stream, to the broker's answer",
    labelNames: ["route"],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const operationSeconds = new Histogram({
    name: "e2e_gateway_step_seconds",
    help: "Seconds that a step of a request took, whether it succeeded or failed",
    labelNames: ["step"],
    buckets: OPERATION_BUCKETS,
    registers,
  });
  const streams = new Gauge({
    name: "e2e_gateway_streams",
    help: "Open streams, by protocol version",
    labelNames: ["version"],
    registers,
  });
  const streamEnds = new Counter({
    name: "e2e_gateway_streams_ended_total",
    help: "Streams that ended, by reason",
    labelNames: ["reason"],
    registers,
  });
  const droppedEvents = new Counter({
    name: "e2e_gateway_dropped_events_total",
    help: "Events that were not delivered to a listener, by reason",
    labelNames: ["reason"],
    registers,
  });
  const deliverySeconds = new Histogram({
    name: "e2e_gateway_delivery_seconds",
    help: "Seconds from receiving a message to writing it to a listener's stream",
    buckets: DELIVERY_BUCKETS,
    registers,
  });
  new Gauge({
    name: "e2e_gateway_build_info",
    help: "Always 1; the label is the version of the gateway",
    labelNames: ["version"],
    registers,
  }).set({ version }, 1);

  function expect(route: string, service: string, results: readonly Result[]): void {
    for (const result of results) requests.inc({ route, service, result }, 0);
  }

  function expectRoute(route: string, results: readonly Result[]): void {
    requestSeconds.zero({ route });
    expect(route, "none", results);
  }

  for (const [route, results] of Object.entries(EXPECTED_RESULTS)) expectRoute(route, results);
  expect("/pair", "pair", EXECUTED);
  operationSeconds.zero({ step: "pair" });
  for (const reason of REFUSAL_REASONS) refusals.inc({ reason }, 0);
  for (const step of OPERATIONS) operationSeconds.zero({ step });
  for (const version of [1, 2]) streams.set({ version }, 0);
  for (const reason of STREAM_ENDS) streamEnds.inc({ reason }, 0);
  for (const reason of DROP_REASONS) droppedEvents.inc({ reason }, 0);

  const observeOperation = createObserver(operationSeconds, "step");
  const observeRequest = createObserver(requestSeconds, "route");

  return {
    measure(operation, work) {
      const startedAt = monotonic();
      const observe = () => observeOperation(operation, (monotonic() - startedAt) / 1000);
      return watchOutcome(work, { succeeded: observe, failed: observe });
    },
    stream(version) {
      streams.inc({ version });
      return (reason) => {
        streams.dec({ version });
        streamEnds.inc({ reason });
      };
    },
    answered({ route, service, result, seconds }) {
      requests.inc({ route, service, result });
      observeRequest(route, seconds);
    },
    refused: (reason) => refusals.inc({ reason }),
    delivered: (seconds) => deliverySeconds.observe(seconds),
    dropped: (reason, events) => droppedEvents.inc({ reason }, events),
    gauge(options) {
      const { name, help } = options;
      if ("label" in options) {
        new Gauge({
          name,
          help,
          labelNames: [options.label],
          registers,
          collect() {
            // Removes the values of labels that no longer exist, such as a deleted key.
            this.reset();
            for (const [label, value] of options.read()) this.set({ [options.label]: label }, value);
          },
        });
        return;
      }
      new Gauge({
        name,
        help,
        registers,
        async collect() {
          const value = await readValue(options);
          if (value === undefined) this.remove();
          else this.set(value);
        },
      });
    },
    counter(options) {
      const { name, help } = options;
      if ("label" in options) {
        new Counter({
          name,
          help,
          labelNames: [options.label],
          registers,
          collect() {
            this.reset();
            for (const [label, value] of options.read()) this.inc({ [options.label]: label }, value);
          },
        });
        return;
      }
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(options.read() ?? 0);
        },
      });
    },
    addService({ name, hasSubscriptions, aliases }) {
      operationSeconds.zero({ step: name });
      expect("/gateway", name, EXECUTED);
      if (hasSubscriptions) expect("/subscribe", name, SUBSCRIBED);
      if (aliases === undefined) return;
      for (const route of [aliases.call, aliases.subscribe]) expectRoute(route, NOT_EXECUTED);
      expect(aliases.call, name, EXECUTED);
      expect(aliases.subscribe, name, SUBSCRIBED);
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

/**
 * Returns the function that observes values of a histogram with one label. It keeps the library's function for each value
 * of the label: a new one each time would be compiled again and again.
 */
function createObserver<Label extends string>(
  histogram: Histogram<Label>,
  label: Label,
): (name: string, value: number) => void {
  const observers = new Map<string, (value: number) => void>();
  return (name, value) => {
    let observe = observers.get(name);
    if (observe === undefined) {
      const labels: Partial<Record<Label, string>> = {};
      labels[label] = name;
      observe = histogram.labels(labels).observe;
      observers.set(name, observe);
    }
    observe(value);
  };
}

/** Reads a value; undefined if it cannot be read now. */
async function readValue({ read }: ObservedValue): Promise<number | undefined> {
  try {
    return await read();
  } catch {
    return undefined;
  }
}
