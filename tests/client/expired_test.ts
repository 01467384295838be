/** Correction of the client's clock by the gateway's time. */
import { assertEquals, assertRejects } from "@std/assert";
import { ExpiredError } from "../../src/client/gateway_client.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { final } from "./follow.ts";
import {
  answer,
  type Answerer,
  clientOf,
  connected,
  message,
  type Received,
  refuse,
  stale,
  stream,
  unreachable,
} from "../support/fake_gateway.ts";

const NOW = 1_700_000_000;

const stamps = (requests: readonly Received[]) => requests.map(({ fields }) => fields["timestamp"]);

const nonces = (requests: readonly Received[]) => new Set(requests.map(({ nonce }) => nonce)).size;

/** Stream that refuses a request as expired, with the gateway's time. */
const staleStream = (timestamp: number) => stream([{ ...final("error", "Request expired"), timestamp }]);

Deno.test("publish() of version 2 corrects its clock from a sealed refusal, and sends again just once", async () => {
  const clock = new FakeClock();
  const { client, requests } = clientOf([stale(NOW + 7200), answer(200, "a"), answer(200, "b")], clock);
  assertEquals((await client.publish("t", "m")).body, "a");
  assertEquals([stamps(requests), nonces(requests)], [[NOW, NOW + 7200], 2]);
  const [first, second] = requests.map(({ fields: { timestamp: _, ...fields } }) => fields);
  assertEquals(first, second);
  clock.skip(1500);
  assertEquals((await client.publish("t", "m")).body, "b");
  assertEquals(stamps(requests).at(-1), NOW + 7201.5);
  clock.assertIdle();
});

Deno.test("publish() of version 2 fails after a second refusal", async () => {
  const { client, requests } = clientOf([stale(NOW + 7200), stale(NOW + 9000)], new FakeClock());
  const error = await assertRejects(() => client.publish("t", "m"), ExpiredError, "Request expired");
  assertEquals([error.code, error.status, error.gatewayTime], ["expired", 403, NOW + 9000]);
  assertEquals([error.retryAfterMs, requests.length], [undefined, 2]);
});

Deno.test("publish() of version 2 sends nothing again that may have run, or may still run: it only corrects its clock", async () => {
  const cases: readonly (readonly [string, number, number])[] = [
    ["a right clock: the gateway may have restarted", 0, 0],
    ["a clock that is slow by less than the window", 60, 0],
    ["a clock that was slow by less than the window when it was sealed", 62, 2000],
    ["a fast clock: its time is yet to come", -7200, 0],
  ];
  for (const [name, ahead, delayMs] of cases) {
    const clock = new FakeClock();
    const refuseLate: Answerer = (request, signal) => {
      clock.skip(delayMs);
      return stale(NOW + ahead)(request, signal);
    };
    const { client, requests } = clientOf([refuseLate, answer(200, "b")], clock);
    await assertRejects(() => client.publish("t", "m"), ExpiredError);
    assertEquals(requests.length, 1, name);
    await client.publish("t", "m");
    assertEquals(stamps(requests), [NOW, NOW + ahead], name);
  }
});

Deno.test("publish() of version 2 does not send again when its clock was set back while it waited", async () => {
  const clock = new FakeClock();
  const now = clock.now.bind(clock);
  let backMs = 0;
  clock.now = () => now() - backMs;
  const refuseLate: Answerer = (request, signal) => {
    clock.skip(62_000);
    backMs = 3_600_000;
    return stale(NOW + 62)(request, signal);
  };
  const { client, requests } = clientOf([refuseLate], clock);
  await assertRejects(() => client.publish("t", "m"), ExpiredError);
  assertEquals(requests.length, 1);
});

Deno.test("publish() of version 1 never sends a second time: an old refusal could be replayed", async () => {
  const { client, requests } = clientOf([stale(NOW + 7200), answer(200, "b")], new FakeClock(), { protocol: 1 });
  const error = await assertRejects(
    () => client.publish("t", "m"),
    ExpiredError,
    "Request expired: this device's clock is wrong, gateway's time is 2023-11-15T00:13:20.000Z",
  );
  assertEquals([error.gatewayTime, requests.length], [NOW + 7200, 1]);
  await client.publish("t", "m");
  assertEquals(stamps(requests), [NOW, NOW]);
});

Deno.test("subscribe() of version 2 corrects its clock from an event, and asks again just once", async () => {
  for (const resume of [true, false]) {
    const { client, requests } = clientOf(
      [staleStream(NOW - 7200), stream([connected(1), message(2)]), staleStream(NOW), staleStream(NOW + 1)],
      new FakeClock(),
    );
    for await (const { type } of client.subscribe(["t"], { resume })) if (type === "message") break;
    assertEquals([stamps(requests), nonces(requests)], [[NOW, NOW - 7200], 2]);
    const error = await assertRejects(() => Array.fromAsync(client.subscribe(["t"], { resume })), ExpiredError);
    assertEquals([error.gatewayTime, requests.length], [NOW + 1, 4]);
  }
});

Deno.test("subscribe() of version 1 never asks a second time", async () => {
  const { client, requests } = clientOf([staleStream(NOW + 7200)], new FakeClock(), { protocol: 1 });
  const error = await assertRejects(() => Array.fromAsync(client.subscribe(["t"])), ExpiredError);
  assertEquals([error.gatewayTime, requests.length], [NOW + 7200, 1]);
});

Deno.test("publish() of version 2 sends nothing again for a plain refusal", async () => {
  const plain = () => Response.json({ error: "Request expired", timestamp: NOW + 7200 }, { status: 403 });
  for (const answer of [plain, unreachable, refuse(503), refuse(401)]) {
    const { client, requests } = clientOf([answer], new FakeClock());
    await assertRejects(() => client.publish("t", "m"));
    assertEquals(requests.length, 1);
  }
});
