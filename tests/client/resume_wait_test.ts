/** Waits of a subscription: between attempts, and for a silent stream. */
import { assert, assertEquals } from "@std/assert";
import { until } from "../support/deadline.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { BROKEN, follow } from "./follow.ts";
import { clientOf, connected, message, mute, refuse, stream, unreachable, VERSIONS } from "../support/fake_gateway.ts";

Deno.test("subscribe() waits longer each time, and shortly again once a message came", async () => {
  const clock = new FakeClock();
  const down = Array.from({ length: 8 }, () => unreachable);
  const { client } = clientOf(
    [stream([connected(1)]), ...down, stream([connected(1), message(2)]), stream([connected(2), message(3)])],
    clock,
  );
  await follow(client.subscribe(["t"]), 3);
  const half = [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000];
  assertEquals(clock.waits, [...half, 250]);
});

Deno.test("subscribe() waits shortly after a stream that lasted, and longer after one that did not", async () => {
  const clock = new FakeClock();
  const lasts = [29_999, 29_999, 30_000, 0];
  const { client } = clientOf(lasts.map(() => stream([connected(1)])), clock);
  for await (const { type } of client.subscribe(["t"])) {
    if (type !== "connected") continue;
    clock.skip(lasts.shift() ?? 0);
    if (lasts.length === 0) break;
  }
  assertEquals(clock.waits, [250, 500, 250]);
});

Deno.test("subscribe() waits as long as Retry-After asks, if that is longer", async () => {
  const clock = new FakeClock();
  const asked = ["7", "0", "Wed, 21 Oct 2026 07:28:00 GMT", "-5", "99999999999"];
  const { client } = clientOf([
    stream([connected(1)]),
    ...asked.map((value, index) => refuse(index % 2 === 0 ? 429 : 503, { "Retry-After": value })),
    stream([connected(1), message(2)]),
  ], clock);
  await follow(client.subscribe(["t"]), 2);
  assertEquals(clock.waits, [250, 7000, 1000, 2000, 4000, 3_600_000]);
});

Deno.test("subscribe() reconnects no sooner than the end of a stream asks, and within an hour", async () => {
  const clock = new FakeClock();
  const end = { type: "end", reason: "restart", message: "Gateway is shutting down", timestamp: 5 };
  const asked = [3.7, 0.1, 0, 3600, 3600.1, -1, 1e300, "9", [9], true, null, undefined];
  const streams = asked.map((retry) => stream([connected(1), message(2), { ...end, retry }], "ends"));
  const { client } = clientOf(
    [...streams, stream([{ ...end, retry: 2.5 }]), stream([connected(2), message(3)])],
    clock,
  );
  const seen: unknown[] = [];
  for await (const event of client.subscribe(["t"])) {
    if (event.type === "end") seen.push(event.retry);
    if (event.type === "message" && event.offset === 3) break;
  }
  assertEquals(seen, asked);
  assertEquals(clock.waits, [3700, 250, 250, 3_600_000, ...Array(8).fill(250), 2500]);
});

for (const protocol of VERSIONS) {
  Deno.test(`subscribe() reports a silent stream of version ${protocol} as disconnected, and resumes`, async () => {
    const clock = new FakeClock();
    const answers = [
      stream([connected(1)], "stays open"),
      mute,
      stream([connected(1), message(2)], "stays open"),
    ];
    const { client, requests } = clientOf(answers, clock, { protocol });
    const events = client.subscribe(["t"]);
    assertEquals((await events.next()).value?.type, "connected");
    assert(!clock.hasPendingTimeout, "No timeout runs while the caller is busy");

    const lost = events.next();
    await until("the client waits for the stream", () => clock.hasPendingTimeout);
    clock.timeOutStream();
    const { value } = await lost;
    assertEquals(value, {
      type: "disconnected",
      message: "Stream went silent: nothing came for 45 s",
      timestamp: 1_700_000_045,
    });

    const back = events.next();
    await until("the client waits for an answer", () => requests.length === 2 && clock.hasPendingTimeout);
    clock.timeOutStream();
    assertEquals((await back).value?.type, "connected");
    assertEquals((await events.next()).value?.type, "message");
    await events.return();
    clock.assertIdle();
  });
}

Deno.test("subscribe() retries when a library sent its request a second time", async () => {
  const clock = new FakeClock();
  const used = "Request was used before: seal a new one for each subscription";
  const { client } = clientOf(
    [
      stream([connected(1), message(2)]),
      stream([{ type: "error", message: used, timestamp: 5 }]),
      stream([connected(2), message(3)]),
    ],
    clock,
  );
  assertEquals(await follow(client.subscribe(["t"]), 3), ["connected", "m2", BROKEN, "connected", "m3"]);
  assertEquals(clock.waits, [250, 500]);
});
