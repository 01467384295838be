/** Ends of a subscription, and the release of its resources. */
import { assertEquals, assertRejects } from "@std/assert";
import { GatewayError, ScopeError, TamperedError } from "../../src/client/gateway_client.ts";
import { until, within } from "../support/deadline.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { BROKEN, final, shorten } from "./follow.ts";
import {
  type Answerer,
  clientOf,
  connected,
  message,
  position,
  refuse,
  stream,
  unreachable,
  VERSIONS,
} from "../support/fake_gateway.ts";

Deno.test("subscribe() ends with a permanent refusal", async () => {
  for (const status of [400, 401, 404, 413]) {
    const clock = new FakeClock();
    const { client } = clientOf([stream([connected(3), message(4)]), refuse(status)], clock);
    const seen: string[] = [];
    const error = await assertRejects(
      async () => {
        for await (const event of client.subscribe(["t"])) seen.push(shorten(event));
      },
      GatewayError,
      `Refused with ${status}`,
    );
    assertEquals([error.status, seen], [status, ["connected", "m4", BROKEN]]);
    clock.assertIdle();
  }
});

Deno.test("subscribe() ends when a later stream is refused permanently", async () => {
  for (const protocol of VERSIONS) {
    const clock = new FakeClock();
    const refused = stream([final("error", "This key may not subscribe to t")]);
    const { client } = clientOf([stream([connected(3)]), refused], clock, { protocol });
    const seen: string[] = [];
    const error = await assertRejects(
      async () => {
        for await (const event of client.subscribe(["t"])) seen.push(shorten(event));
      },
      ScopeError,
      "This key may not subscribe to t",
    );
    assertEquals([error.code, seen], ["scope", ["connected", BROKEN]]);
    clock.assertIdle();
  }
});

Deno.test("subscribe() ends when something is not sealed with its key", async () => {
  const forged = () => new Response(`data: ${btoa("x".repeat(60))}\n\n`);
  for (const protocol of VERSIONS) {
    for (const answers of [[stream([connected(3)]), forged], [forged]]) {
      const { client } = clientOf(answers, new FakeClock(), { protocol });
      await assertRejects(() => Array.fromAsync(client.subscribe(["t"])), TamperedError, "not sealed");
    }
  }
});

Deno.test("subscribe() ends with any failure before it was connected", async () => {
  const failures: [Answerer, string][] = [
    [unreachable, "No gateway answers"],
    [refuse(503, { "Retry-After": "1" }), "Refused with 503"],
    [refuse(429), "Refused with 429"],
    [refuse(401), "Refused with 401"],
    [stream([], "ends"), "Stream broke off"],
    [stream([], "breaks"), "Stream broke off"],
  ];
  for (const [answer, message] of failures) {
    const clock = new FakeClock();
    const { client } = clientOf([answer], clock);
    await assertRejects(() => Array.fromAsync(client.subscribe(["t"])), GatewayError, message);
    clock.assertIdle();
  }
  const { client } = clientOf([stream([final("disconnected", "stops")])], new FakeClock());
  assertEquals((await Array.fromAsync(client.subscribe(["t"]))).map(({ type }) => type), ["disconnected"]);
});

Deno.test("subscribe() without resume ends with the first stream", async () => {
  for (const last of [final("error", "Too slow"), final("disconnected", "stops")]) {
    const { client, requests } = clientOf([stream([connected(3), last])], new FakeClock());
    const seen = await Array.fromAsync(client.subscribe(["t"], { resume: false, since: position(2) }));
    assertEquals(seen.map(({ type }) => type), ["connected", last.type]);
    assertEquals(requests[0]?.fields["since"], position(2));
  }
  const clock = new FakeClock();
  const { client } = clientOf([stream([connected(3)])], clock);
  const error = await assertRejects(
    () => Array.fromAsync(client.subscribe(["t"], { resume: false })),
    GatewayError,
    "Stream broke off",
  );
  assertEquals([error.status, error.cause instanceof TypeError], [0, true]);
  assertEquals(clock.waits, []);
});

Deno.test("subscribe() ends at once when it is aborted during a wait", async () => {
  const clock = new FakeClock({ holds: true });
  const { client } = clientOf([stream([connected(1)]), unreachable], clock);
  const stopped = new AbortController();
  const seen: string[] = [];
  const reading = (async () => {
    for await (const event of client.subscribe(["t"], { signal: stopped.signal })) seen.push(event.type);
  })();
  await until("it waits", () => clock.waits.length === 1);
  stopped.abort(new Error("Enough"));
  await assertRejects(() => within("the end", reading), Error, "Enough");
  assertEquals(seen, ["connected", "disconnected"]);
  clock.assertIdle();
});

Deno.test("subscribe() ends at once when it is aborted during a stream, or before", async () => {
  for (const answers of [[stream([connected(1)], "stays open")], []]) {
    const clock = new FakeClock();
    const { client } = clientOf(answers, clock);
    const stopped = new AbortController();
    if (answers.length === 0) stopped.abort();
    const read = async () => {
      for await (const { type } of client.subscribe(["t"], { signal: stopped.signal })) {
        if (type === "connected") setTimeout(() => stopped.abort(), 0);
      }
    };
    await assertRejects(() => within("the end", read()), DOMException, "abort");
    clock.assertIdle();
  }
});

Deno.test("subscribe() releases everything when its reader breaks out of the loop, at any event", async () => {
  for (const breakAt of [0, 1, 2, 3, 4]) {
    const clock = new FakeClock();
    const answers = [stream([connected(1), message(2)]), stream([connected(2), message(3)], "stays open")];
    const { client } = clientOf(answers, clock);
    let count = 0;
    for await (const _event of client.subscribe(["t"])) if (count++ === breakAt) break;
    assertEquals(count, breakAt + 1);
    clock.assertIdle();
  }
});
