/** Growth of the work of streams: many of one key, and many messages through their cache. */
import { MemoryBudget } from "../../../../src/limits/memory_budget.ts";
import { EventCache } from "../../../../src/streams/event_cache.ts";
import { EventStream, LargeRecords } from "../../../../src/streams/event_stream.ts";
import { OutgoingEvent } from "../../../../src/streams/outgoing_event.ts";
import { RecordScheduler } from "../../../../src/streams/record_scheduler.ts";
import { SHARED_FORMAT } from "../../../../src/streams/stream_format.ts";
import { StreamRegistry } from "../../../../src/streams/stream_registry.ts";
import type { GrowthCase } from "../growth_case.ts";

const COLLABORATORS = {
  owner: "phone",
  records: new LargeRecords(),
  makeEvent: () =>
    new OutgoingEvent(new Uint8Array(), { isMessage: false, position: undefined, seal: () => Promise.reject() }),
  format: SHARED_FORMAT,
  settings: { queueBytes: 1000, stallTimeoutMs: 60_000, keepaliveSeconds: 60 },
  backlog: new MemoryBudget(1000),
  onEnd: () => {},
  telemetry: { delivered: () => {}, dropped: () => {} },
  now: () => Date.now(),
  monotonic: () => performance.now(),
} as const;

/** Opens streams of one key. */
function openStreams(count: number, revoked: AbortSignal) {
  const registry = new StreamRegistry();
  const streams = Array.from({ length: count }, () => {
    const stream: EventStream = new EventStream({ ...COLLABORATORS, onClosed: () => registry.delete(stream, revoked) });
    registry.add(stream, revoked);
    return stream;
  });
  return { registry, streams };
}

function timeOf(work: () => void): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}

const MESSAGES = 15_000;

/** Cases of the streams. */
export const STREAM_CASES: readonly GrowthCase[] = [
  {
    name: "streams of one key leave",
    sizes: [250, 500, 1000, 2000],
    unit: "streams",
    measure(size) {
      const { streams } = openStreams(size, new AbortController().signal);
      return Promise.resolve(timeOf(() => {
        for (const { body } of streams) body.cancel();
      }));
    },
  },
  {
    name: "the registry checks all streams",
    sizes: [1000, 2000, 4000, 8000],
    unit: "streams",
    measure(size) {
      const { registry, streams } = openStreams(size, new AbortController().signal);
      const ms = timeOf(() => registry.tick());
      for (const { body } of streams) body.cancel();
      return Promise.resolve(ms);
    },
  },
  {
    name: "streams of one key wait for their turns",
    sizes: [2000, 4000, 8000, 16_000],
    unit: "streams",
    measure(size) {
      const timers: (() => void)[] = [];
      const scheduler = new RecordScheduler({ monotonic: () => 0, after: (_ms, run) => (timers.push(run), () => {}) });
      return Promise.resolve(timeOf(() => {
        for (let index = 0; index < size; index++) scheduler.acquire("phone");
        for (let run = timers.shift(); run !== undefined; run = timers.shift()) run();
      }));
    },
  },
  {
    name: "messages pass through the full event cache",
    sizes: [MESSAGES, 2 * MESSAGES, 4 * MESSAGES, 8 * MESSAGES],
    unit: "messages",
    measure(size) {
      const cache = new EventCache();
      const message = { topic: "t", payload: "", payloadBytes: 100, qos: 0, retain: false, receivedAt: 0 };
      // Made before: the garbage collector would add more than their passing costs.
      const messages = Array.from(
        { length: size },
        (_, offset) => ({ ...message, position: { epoch: "e", offset } }),
      );
      return Promise.resolve(timeOf(() => {
        for (const message of messages) cache.add(message);
      }));
    },
  },
];
