/**
 * Three messages from the broker, at once, to many listeners of one key: hub, sealing and streams, up to the bytes for the
 * socket. Version 1 seals each once for all listeners, version 2 once for each listener; with batches it seals the three
 * together.
 */
import { EventStream, LargeRecords } from "../../src/streams/event_stream.ts";
import { EventEncoder } from "../../src/streams/event_encoder.ts";
import { MemoryBudget } from "../../src/limits/memory_budget.ts";
import { SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import { BrokerPool } from "../../src/mqtt/pool.ts";
import { MemoryHistory } from "../../src/mqtt/hub/memory_history.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { makeBroker } from "../../tests/support/fake_broker.ts";
import { makeKey } from "../../tests/support/key.ts";

const key = await makeKey("#");
const payload = new TextEncoder().encode("22.5".padEnd(200));
const clocks = { now: () => Date.now(), monotonic: () => performance.now() };
const backlog = new MemoryBudget(2 ** 20);

/** Returns a clock by which each turn of the streams with batches comes at once: the work is measured, not the wait. */
function makeHastyClock() {
  let time = 0;
  return { ...SYSTEM_CLOCK, monotonic: () => time += 1000 };
}

const VARIANTS = [
  { name: "version 1", version: 1 },
  { name: "version 2", version: 2 },
  { name: "version 2 with batches", version: 2, hasBatches: true },
] as const;

const CASES = [1, 50, 1000].flatMap((count) => VARIANTS.map((variant) => ({ count, hasBatches: false, ...variant })));

for (const { count, name, version, hasBatches } of CASES) {
  const { state, connect } = makeBroker();
  const sealer = new EventEncoder({ randomBytes, clock: makeHastyClock() });
  const pool = new BrokerPool({
    connect,
    limits: { timeoutMs: 10_000, idleSeconds: 60, maxConnections: 1 },
    hub: {
      history: new MemoryHistory({ epoch: "bench", limits: { resumeBytes: 8 * 2 ** 20 } }),
      limits: { resumeSeconds: 60 },
      backpressure: () => undefined,
      random: () => 0,
      onFault: () => {},
    },
    clock: SYSTEM_CLOCK,
  });
  const readers = await Promise.all(Array.from({ length: count }, async () => {
    const connected = Promise.withResolvers<void>();
    const format = await sealer.begin({ version, key: key.secret, route: "/mqtt/subscribe", salt: randomBytes(16) });
    if (hasBatches) format.allowBatches?.();
    const stream = new EventStream({
      owner: key.name,
      records: new LargeRecords(),
      makeEvent: (event) => sealer.event(key, event),
      format,
      settings: { queueBytes: 1_000_000, stallTimeoutMs: 60_000, keepaliveSeconds: 60 },
      backlog,
      onEnd: () => {},
      telemetry: { delivered: () => {}, dropped: () => {} },
      onClosed: () => {},
      ...clocks,
    });
    pool.listen({ host: "broker", port: 1883 }, {
      owner: "bench",
      filters: ["home/#"],
      qos: 0,
      keep: false,
      since: undefined,
      connected: () => connected.resolve(),
      gap: () => {},
      offline: () => {},
      online: () => {},
      ended: () => {},
      message(message) {
        const event = sealer.message(key, message, 0, { mayReceive: () => true });
        if (event !== undefined) stream.push(event);
      },
    });
    await connected.promise;
    return stream.body.getReader();
  }));

  const about = { group: `fan-out to ${count}`, baseline: version === 1 };
  if (version === 2) await Promise.all(readers.map((reader) => reader.read()));
  Deno.bench(`${name}: fan out to ${count}`, about, async () => {
    for (let left = 3; left > 0; left--) {
      state.deliver({ topic: "home/temperature", payload, qos: 0, retain: false });
    }
    await Promise.all(readers.map((reader) => reader.read()));
  });
}
