import { assert, assertEquals } from "@std/assert";
import { Backpressure } from "../../src/streams/backpressure.ts";
import { MemoryBudget } from "../../src/limits/memory_budget.ts";
import { EventStream, LargeRecords } from "../../src/streams/event_stream.ts";
import { OutgoingEvent } from "../../src/streams/outgoing_event.ts";
import { numberedFormat } from "../../src/streams/event_encoder.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { StreamOpener, StreamSealer } from "../../src/protocol/v2/stream.ts";

const utf8 = new TextEncoder();

/** An event that only its text matters of. */
const eventOf = (value: unknown) =>
  new OutgoingEvent(utf8.encode(JSON.stringify(value)), {
    position: undefined,
    seal: () => Promise.reject(new Error("Not version 1")),
  });

Deno.test("numberedFormat() numbers events and signs of life in the order in which they are sent", async () => {
  const binding = {
    key: await importSecretKey(randomBytes(32)),
    route: "/mqtt/subscribe",
    salt: randomBytes(16),
  } as const;
  const sealer = await StreamSealer.begin(binding, randomBytes);
  const opener = await StreamOpener.begin(binding, sealer.opening);
  let now = 0;
  const stream = new EventStream({
    format: numberedFormat(sealer, new Backpressure()),
    makeEvent: eventOf,
    settings: { queueBytes: 1_000_000, stallTimeoutMs: 60_000, keepaliveSeconds: 1 },
    owner: "phone",
    records: new LargeRecords(),
    backlog: new MemoryBudget(1_000_000),
    onEnd: () => {},
    telemetry: { delivered: () => {}, dropped: () => {} },
    onClosed: () => {},
    now: () => now,
    monotonic: () => now,
  });
  const reader = stream.body.getReader();
  await reader.read();
  const sent: number[] = [];
  const seen: unknown[] = [];
  let pings = 0;
  for (let turn = 0; turn < 90; turn++) {
    now += 1000;
    const pending = reader.read();
    const push = () => {
      stream.push(eventOf({ turn }));
      sent.push(turn);
    };
    // A message comes before a sign of life is due, with it, while it is being sealed, or not at all.
    if (turn % 4 === 0) push();
    stream.tick();
    if (turn % 4 === 1) push();
    if (turn % 4 === 2) queueMicrotask(() => queueMicrotask(push));
    const text = new TextDecoder().decode((await pending).value);
    for (const record of text.split("\n\n").slice(0, -1)) {
      const [, id = "", data = ""] = /^id: (.*)\ndata: (.*)$/.exec(record) ?? [];
      const event = JSON.parse(await opener.open(data, id));
      if (event.type === "ping") pings += 1;
      else seen.push(event.turn);
    }
  }
  await reader.cancel();
  // One may wait that came while the last sign of life was sealed.
  assertEquals(seen, sent.slice(0, seen.length));
  assert(sent.length - seen.length <= 1 && pings >= 20, `${pings} signs of life, ${seen.length} of ${sent.length}`);
});
