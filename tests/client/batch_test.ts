/** Batches: several messages in one event of version 2. */
import { assertEquals, assertRejects } from "@std/assert";
import { TamperedError } from "../../src/client/gateway_client.ts";
import type { StreamEvent } from "../../src/protocol/event.ts";
import { within } from "../support/deadline.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { clientOf, connected, message, position, refuse, stale, stream } from "../support/fake_gateway.ts";
import { BROKEN, final, follow, shorten } from "./follow.ts";

/** Returns a batch of messages at these offsets. */
const batch = (...offsets: readonly number[]) => ({
  type: "messages",
  messages: offsets.map((offset) => {
    const { type: _type, ...fields } = message(offset);
    return fields;
  }),
});

const gap = { type: "gap", message: "Some may be missing", timestamp: 5, ...position(4) };

Deno.test("subscribe() yields the messages of batches one by one, between the events around them", async () => {
  const events = [
    connected(1),
    message(2),
    batch(3, 4),
    gap,
    batch(6),
    { type: "ping" },
    batch(7, 9),
    final("end", "bye"),
  ];
  const { client } = clientOf([stream(events)], new FakeClock());
  const seen = await Array.fromAsync<StreamEvent>(client.subscribe(["t"], { resume: false }));
  assertEquals(seen.map(shorten), [
    "connected",
    "m2",
    "m3",
    "m4",
    "gap: Some may be missing",
    "m6",
    "m7",
    "m9",
    "end: bye",
  ]);
  assertEquals<unknown>(seen[3], message(4));
});

Deno.test("subscribe() asks for batches in version 2, again with each stream, and never in version 1", async () => {
  for (const protocol of [1, 2] as const) {
    const answers = [stream([connected(1)]), refuse(503), stream([connected(1), message(2)])];
    const { client, requests } = clientOf(answers, new FakeClock(), { protocol });
    await follow(client.subscribe(["t"]), 2);
    assertEquals(requests.map(({ fields }) => fields["batch"]), Array(3).fill(protocol === 2 ? true : undefined));
  }
});

Deno.test("subscribe() asks for batches once a probe found version 2", async () => {
  const { client, requests } = clientOf([stale(1_700_000_000), stream([connected(1), batch(2)])], new FakeClock(), {
    protocol: "auto",
  });
  assertEquals(await follow(client.subscribe(["t"]), 2), ["connected", "m2"]);
  assertEquals(requests.map(({ fields }) => fields["batch"]), [undefined, true]);
});

Deno.test("subscribe() resumes after the last message of a batch when the stream breaks off behind it", async () => {
  const answers = [stream([connected(1), batch(2, 3, 5)]), stream([connected(5), batch(6, 8)], "stays open")];
  const { client, requests } = clientOf(answers, new FakeClock());
  assertEquals(await follow(client.subscribe(["t"]), 8), [
    "connected",
    "m2",
    "m3",
    "m5",
    BROKEN,
    "connected",
    "m6",
    "m8",
  ]);
  assertEquals(requests[1]?.fields["since"], position(5));
});

Deno.test("subscribe() gives each message of a batch the position from which a caller that stops there resumes", async () => {
  const offsets = [2, 3, 5, 6, 9];
  const clock = new FakeClock();
  for (const [index, stop] of offsets.entries()) {
    const rest = offsets.slice(index + 1);
    const { client, requests } = clientOf([
      stream([connected(1), batch(...offsets)]),
      stream([connected(stop), ...rest.length > 0 ? [batch(...rest)] : [], message(10)]),
    ], clock);
    const seen: string[] = [];
    let since = position(1);
    for await (const event of client.subscribe(["t"])) {
      seen.push(shorten(event));
      if (event.type !== "message") continue;
      since = { epoch: event.epoch, offset: event.offset };
      if (event.offset === stop) break;
    }
    seen.push(...await follow(client.subscribe(["t"], { since }), 10));
    assertEquals(requests[1]?.fields["since"], position(stop));
    assertEquals(seen.filter((event) => event !== "connected"), [...offsets, 10].map((offset) => `m${offset}`));
    clock.assertIdle();
  }
});

Deno.test("subscribe() rejects a malformed batch, and yields nothing of it", async () => {
  for (const messages of [undefined, null, {}, "m2", [], [message(2), null], [message(2), "m3"], [message(2), []]]) {
    const { client } = clientOf([stream([connected(1), { type: "messages", messages }, message(9)])], new FakeClock());
    const seen: string[] = [];
    await assertRejects(
      async () => {
        for await (const event of client.subscribe(["t"])) seen.push(shorten(event));
      },
      TamperedError,
      "Event is not sealed",
    );
    assertEquals(seen, ["connected"]);
  }
});

Deno.test("subscribe() ends at once when its signal is aborted within a batch", async () => {
  const stop = new AbortController();
  const { client } = clientOf([stream([connected(1), batch(2, 3)], "stays open")], new FakeClock());
  const events = client.subscribe(["t"], { signal: stop.signal });
  assertEquals([(await events.next()).value, (await events.next()).value].map((event) => event?.type), [
    "connected",
    "message",
  ]);
  stop.abort(new Error("Enough"));
  await assertRejects(() => within("the end", events.next()), Error, "Enough");
});

Deno.test("subscribe() measures no silence while its caller handles a batch, and does after it", async () => {
  const clock = new FakeClock();
  const { client } = clientOf([stream([connected(1), batch(2, 3)], "stays open")], clock);
  const events = client.subscribe(["t"], { resume: false });
  for (let count = 0; count < 3; count += 1) {
    await events.next();
    assertEquals(clock.hasPendingTimeout, false);
    clock.timeOutStream();
  }
  const next = events.next();
  await within(
    "the timeout",
    (async () => {
      while (!clock.hasPendingTimeout) await new Promise((resolve) => setTimeout(resolve));
    })(),
  );
  clock.timeOutStream();
  await assertRejects(() => next, Error, "Stream went silent");
});
