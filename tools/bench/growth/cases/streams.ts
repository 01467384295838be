/** Growth of the work of streams: many of one key, and many messages through their cache. */
import { EventCache } from "../../../../src/streams/event_cache.ts";
import type { EventStream } from "../../../../src/streams/event_stream.ts";
import { RecordScheduler } from "../../../../src/streams/record_scheduler.ts";
import { StreamRegistry } from "../../../../src/streams/stream_registry.ts";
import { makeIdleStream } from "../../../../tests/support/idle_stream.ts";
import type { GrowthCase } from "../growth_case.ts";
import { timeOf } from "../time_of.ts";

/** Opens streams of one key. */
function openStreams(count: number, revoked: AbortSignal) {
  const registry = new StreamRegistry();
  const streams = Array.from({ length: count }, () => {
    const stream: EventStream = makeIdleStream(() => registry.delete(stream, revoked));
    registry.add(stream, revoked);
    return stream;
  });
  return { registry, streams };
}

const MESSAGES = 15_000;

/** Cases of the streams. */
export const STREAM_CASES: readonly GrowthCase[] = [
  {
    name: "streams-of-one-key",
    sizes: [250, 500, 1000, 2000],
    unit: "streams of one key that leave",
    measure(size) {
      const { streams } = openStreams(size, new AbortController().signal);
      return timeOf(() => {
        for (const { body } of streams) body.cancel();
      });
    },
  },
  {
    name: "registry-tick",
    sizes: [1000, 2000, 4000, 8000],
    unit: "streams that the registry checks",
    measure(size) {
      const { registry, streams } = openStreams(size, new AbortController().signal);
      const ms = timeOf(() => registry.tick());
      for (const { body } of streams) body.cancel();
      return ms;
    },
  },
  {
    name: "streams-wait-for-turns",
    sizes: [2000, 4000, 8000, 16_000],
    unit: "streams of one key that wait for their turns",
    measure(size) {
      const timers: (() => void)[] = [];
      const scheduler = new RecordScheduler({ monotonic: () => 0, after: (_ms, run) => (timers.push(run), () => {}) });
      return timeOf(() => {
        for (let index = 0; index < size; index++) scheduler.acquire("phone");
        for (let run = timers.shift(); run !== undefined; run = timers.shift()) run();
      });
    },
  },
  {
    name: "event-cache",
    sizes: [MESSAGES, 2 * MESSAGES, 4 * MESSAGES, 8 * MESSAGES],
    unit: "messages through the full event cache",
    measure(size) {
      const cache = new EventCache();
      const message = { topic: "t", payload: "", payloadBytes: 100, qos: 0, retain: false, receivedAt: 0 };
      // Made before: the garbage collector would add more than their passing costs.
      const messages = Array.from(
        { length: size },
        (_, offset) => ({ ...message, position: { epoch: "e", offset } }),
      );
      return timeOf(() => {
        for (const message of messages) cache.add(message);
      });
    },
  },
];
