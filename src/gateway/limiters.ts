/**
 * Limiters that the routes of a gateway share.
 *
 * @module
 */
import type { MetricRegistry } from "../observability/telemetry.ts";
import { BodyReader, type BodyReaderOptions, type BodySettings } from "../http/body_reader.ts";
import { ConcurrencyLimiter } from "../limits/concurrency_limiter.ts";
import { MemoryBudget } from "../limits/memory_budget.ts";
import { FairSemaphore } from "../limits/fair_semaphore.ts";
import { LargeRecords, type StreamSettings } from "../streams/event_stream.ts";

/** Limits of requests. */
export interface RequestSettings extends BodySettings {
  /** Most opened requests under way at a time. */
  readonly max: number;
  /** The same for each key. */
  readonly maxPerKey: number;
}

/** Settings that the limiters follow. */
export interface LimiterSettings {
  /** Limits of requests. */
  readonly requests: RequestSettings;
  /** Limits of streams. */
  readonly streams: Pick<StreamSettings, "max" | "maxPerKey" | "backlogBytes">;
  /** Largest answer of a service, in bytes. */
  readonly maxAnswerBytes: number;
}

/** Limiters that the routes share. */
export interface Limiters {
  /** Bodies being received. */
  readonly bodies: BodyReader;
  /** Requests of each address; without a total, so that a few addresses cannot lock out the others. */
  readonly addressLimiter: ConcurrencyLimiter;
  /** Opened requests of each key, and in total. */
  readonly requestLimiter: ConcurrencyLimiter;
  /** Bytes held by large requests under way, of each key and in total. */
  readonly largeRequests: FairSemaphore;
  /** Streams of each key, and in total. */
  readonly streamLimiter: ConcurrencyLimiter;
  /** Bytes of events that wait beyond each listener's own queue. */
  readonly backlog: MemoryBudget;
  /** Bytes of large records that streams hold, of each key and in total. */
  readonly largeRecords: LargeRecords;
  /** Bytes of large answers that wait to be read. */
  readonly unread: MemoryBudget;
  /** Bytes of the page's files that wait to be read, by address. */
  readonly unreadFiles: MemoryBudget;
}

/** Most bytes that large requests take from when they are opened until they are answered. */
const MAX_WEIGHT_BYTES = 96 * 2 ** 20;

/** The same for each key. */
const MAX_WEIGHT_BYTES_PER_KEY = 32 * 2 ** 20;

/** Number of answers of the largest size that may wait to be read: more than a household requests at a time. */
const UNREAD_ANSWERS = 6;

/** Most bytes of the page's files that may wait to be read: it is open to every stranger. */
const MAX_UNREAD_FILE_BYTES = 8 * 2 ** 20;

/** Returns limiters with nothing under way. */
export function createLimiters(
  { requests, streams, maxAnswerBytes }: LimiterSettings,
  bodyClocks: BodyReaderOptions = {},
): Limiters {
  return {
    bodies: new BodyReader(requests, bodyClocks),
    addressLimiter: new ConcurrencyLimiter({ each: requests.maxPerAddress }),
    requestLimiter: new ConcurrencyLimiter({ total: requests.max, each: requests.maxPerKey }),
    largeRequests: new FairSemaphore({ total: MAX_WEIGHT_BYTES, each: MAX_WEIGHT_BYTES_PER_KEY }),
    streamLimiter: new ConcurrencyLimiter({ total: streams.max, each: streams.maxPerKey }),
    backlog: new MemoryBudget(streams.backlogBytes),
    largeRecords: new LargeRecords(),
    unread: new MemoryBudget(UNREAD_ANSWERS * maxAnswerBytes),
    unreadFiles: new MemoryBudget(MAX_UNREAD_FILE_BYTES),
  };
}

/** Registers the gauges of limiters. */
export function registerLimiterGauges(
  metrics: MetricRegistry,
  { backlog, unread, bodies, requestLimiter }: Limiters,
): void {
  metrics.gauge({
    name: "e2e_gateway_backlog_bytes",
    help: "Bytes of events beyond the queue of each listener; part of the bytes in the queues",
    read: () => backlog.bytes,
  });
  metrics.gauge({
    name: "e2e_gateway_unread_answer_bytes",
    help: "Bytes of large answers that clients have not read yet",
    read: () => unread.bytes,
  });
  metrics.gauge({
    name: "e2e_gateway_bodies_arriving",
    help: "Request bodies that are being received",
    read: () => bodies.size,
  });
  metrics.gauge({
    name: "e2e_gateway_requests_running",
    help: "Opened requests without an answer yet, not counting streams",
    read: () => requestLimiter.size,
  });
}
