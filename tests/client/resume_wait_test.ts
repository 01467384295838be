/** How long a subscription waits: for the next try, and for a silent line. */
import { assert, assertEquals } from "@std/assert";
import { until } from "../deadline.ts";
import { FakeClock } from "./fake_clock.ts";
import { follow } from "./follow.ts";
import { clientOf, connected, message, mute, refuse, stream, unreachable, VERSIONS } from "./made_up_gateway.ts";

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
    clock.pass(lasts.shift() ?? 0);
    if (lasts.length === 0) break;
  }
  assertEquals(clock.waits, [250, 500, 250]);
});

Deno.test("subscribe() waits as long as Retry-After says, where that is longer", async () => {
  const clock = new FakeClock();
  const told = ["7", "0", "Wed, 21 Oct 2026 07:28:00 GMT", "-5", "99999999999"];
  const { client } = clientOf([
    stream([connected(1)]),
    ...told.map((value, index) => refuse(index % 2 === 0 ? 429 : 503, { "Retry-After": value })),
    stream([connected(1), message(2)]),
  ], clock);
  await follow(client.subscribe(["t"]), 2);
  assertEquals(clock.waits, [250, 7000, 1000, 2000, 4000, 3_600_000]);
});

for (const protocol of VERSIONS) {
  Deno.test(`subscribe() hands a silent line of version ${protocol} over as disconnected, and goes on`, async () => {
    const clock = new FakeClock();
    const answers = [
      stream([connected(1)], "stays open"),
      mute,
      stream([connected(1), message(2)], "stays open"),
    ];
    const { client, requests } = clientOf(answers, clock, { protocol });
    const events = client.subscribe(["t"]);
    assertEquals((await events.next()).value?.type, "connected");
    assert(!clock.listens, "Nobody waits for the line while the caller is busy");

    const lost = events.next();
    await until("the client waits for the line", () => clock.listens);
    clock.fallSilent();
    const { value } = await lost;
    assertEquals(value, {
      type: "disconnected",
      message: "Stream went silent: nothing came for 45 s",
      timestamp: 1_700_000_045,
    });

    const back = events.next();
    await until("the client waits for an answer", () => requests.length === 2 && clock.listens);
    clock.fallSilent();
    assertEquals((await back).value?.type, "connected");
    assertEquals((await events.next()).value?.type, "message");
    await events.return();
    clock.assertIdle();
  });
}
