import { MemoryBudget } from "../../src/limits/memory_budget.ts";
import { EventStream, LargeRecords } from "../../src/streams/event_stream.ts";
import { OutgoingEvent } from "../../src/streams/outgoing_event.ts";
import { SHARED_FORMAT } from "../../src/streams/stream_format.ts";

// One for all streams, as in the gateway.
const records = new LargeRecords();
const backlog = new MemoryBudget(1000);

/** Opens a stream of version 1 to which nothing is sent. */
export function makeIdleStream(onClosed: () => void = () => {}): EventStream {
  return new EventStream({
    owner: "phone",
    records,
    makeEvent: () =>
      new OutgoingEvent(new Uint8Array(), { isMessage: false, position: undefined, seal: () => Promise.reject() }),
    format: SHARED_FORMAT,
    settings: { queueBytes: 1000, stallTimeoutMs: 60_000, keepaliveSeconds: 60 },
    backlog,
    onEnd: () => {},
    onClosed,
    telemetry: { delivered: () => {}, dropped: () => {} },
    now: () => 0,
    monotonic: () => 0,
  });
}
