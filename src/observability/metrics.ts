/**
 * Counts and measures what happens, and shows it, as Prometheus reads it, beside how things stand.
 *
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { QuickHistogram } from "./metric_histogram.ts";
import { createLevelGauges } from "./metric_levels.ts";
import {
  DROP_REASONS,
  EXPECTED_REQUESTS,
  REFUSAL_REASONS,
  RESULTS,
  ROUTES,
  SERVICES,
  STEPS,
  STREAM_ENDS,
} from "./metric_words.ts";
import { type ProcessFiguresOptions, showProcess } from "./process_figures.ts";
import type { Levels, Telemetry } from "./telemetry.ts";

/** What metrics are made from. */
export interface MetricsOptions extends ProcessFiguresOptions {
  /** Tells how things stand; asked once for each text. */
  readonly levels: () => Levels;
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

/** Something for each word, looked up by whatever comes. */
function each<Made>(words: readonly string[], make: (word: string) => Made): ReadonlyMap<unknown, Made> {
  return new Map(words.map((word) => [word, make(word)]));
}

/** A figure that is none would spoil a sum for good. */
function isAmount(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

/** Makes metrics that are all 0, in a registry of their own. */
export function createMetrics(options: MetricsOptions): Metrics {
  const { monotonic } = options;
  const registry = new Registry();
  const registers = [registry];

  /** A counter for each word of a label, from 0: a word that is none of them finds no counter. */
  function counters(words: readonly string[], { label, ...about }: { label: string; name: string; help: string }) {
    const counter = new Counter({ ...about, labelNames: [label], registers });
    return each(words, (word) => {
      counter.inc({ [label]: word }, 0);
      return counter.labels(word);
    });
  }

  /** The same with histograms of durations. */
  function durations(
    words: readonly string[],
    { label, ...about }: { label: string; name: string; help: string; buckets: number[] },
  ) {
    const histogram = new Histogram({ ...about, labelNames: [label], registers });
    return each(words, (word) => {
      histogram.zero({ [label]: word });
      const child = histogram.labels(word);
      return (seconds: number) => {
        if (isAmount(seconds)) child.observe(seconds);
      };
    });
  }

  const requests = new Counter({
    name: "e2e_gateway_requests_total",
    help: "Requests that have their answer, by route, service and result",
    labelNames: ["route", "service", "result"],
    registers,
  });
  for (const expected of EXPECTED_REQUESTS) requests.inc(expected, 0);
  const refusals = counters(REFUSAL_REASONS, {
    label: "reason",
    name: "e2e_gateway_refusals_total",
    help: "Requests that were refused, by reason",
  });
  const requestSeconds = durations(ROUTES, {
    label: "route",
    name: "e2e_gateway_request_seconds",
    help: "Seconds from a request to its answer, for streams to the answer of the broker",
    buckets: REQUEST_BOUNDS,
  });
  const stepSeconds = durations(STEPS, {
    label: "step",
    name: "e2e_gateway_step_seconds",
    help: "Seconds that a part of a request took, whatever came of it",
    buckets: STEP_BOUNDS,
  });
  const openStreams = new Gauge({
    name: "e2e_gateway_streams",
    help: "Streams that are open, by version of the protocol",
    labelNames: ["version"],
    registers,
  });
  const streams = new Map([1, 2].map((version) => {
    openStreams.set({ version }, 0);
    return [version, openStreams.labels({ version })];
  }));
  const ended = counters(STREAM_ENDS, {
    label: "reason",
    name: "e2e_gateway_streams_ended_total",
    help: "Streams that ended, by reason",
  });
  const dropped = counters(DROP_REASONS, {
    label: "reason",
    name: "e2e_gateway_dropped_events_total",
    help: "Events that did not reach a listener, by reason",
  });
  const deliverySeconds = new QuickHistogram({
    name: "e2e_gateway_delivery_seconds",
    help: "Seconds from a message of a broker to the stream of a listener",
    bounds: DELIVERY_BOUNDS,
  });
  const showLevels = createLevelGauges(registry);
  const shownProcess = showProcess(registry, options);
  new Gauge({
    name: "e2e_gateway_build_info",
    help: "Always 1; the label tells the version",
    labelNames: ["version"],
    registers,
  }).set({ version: options.version }, 1);

  return {
    async step(step, work) {
      const began = monotonic();
      try {
        return await work();
      } finally {
        stepSeconds.get(step)?.((monotonic() - began) / 1000);
      }
    },
    stream(version) {
      const open = streams.get(version);
      open?.inc();
      let isOpen = true;
      return (end) => {
        if (!isOpen) return;
        isOpen = false;
        open?.dec();
        ended.get(end)?.inc();
      };
    },
    answered({ route, service, result, seconds }) {
      const isKnown = ROUTES.includes(route) && SERVICES.includes(service) && RESULTS.includes(result);
      if (isKnown) requests.inc({ route, service, result });
      requestSeconds.get(route)?.(seconds);
    },
    refused(reason) {
      refusals.get(reason)?.inc();
    },
    delivered(seconds) {
      if (isAmount(seconds)) deliverySeconds.observe(seconds);
    },
    dropped(reason, events) {
      if (isAmount(events)) dropped.get(reason)?.inc(events);
    },
    contentType: registry.contentType,
    async text() {
      showLevels(options.levels());
      shownProcess.update();
      return `${await registry.metrics()}\n${deliverySeconds.text()}`;
    },
    close: () => shownProcess.close(),
  };
}
