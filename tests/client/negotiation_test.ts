/** Negotiation of the protocol version, which never downgrades. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type GatewayError,
  RateLimitError,
  RequestTimeoutError,
  TamperedError,
  UnavailableError,
  UnreachableError,
  WrongKeyError,
} from "../../src/client/gateway_client.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { sealAnswer } from "../../src/protocol/exchange.ts";
import { until } from "../support/deadline.ts";
import { FakeClock } from "../support/fake_clock.ts";
import {
  answer,
  type Answerer,
  clientOf,
  connected,
  failure,
  message,
  mute,
  type Received,
  refuse,
  secret,
  stale,
  stream,
  unreachable,
} from "../support/fake_gateway.ts";

const AUTO = { protocol: "auto" } as const;
const NOW = 1_700_000_000;

const versions = (requests: readonly Received[]) => requests.map(({ exchange }) => exchange.version);

/** Answer that is held until the test releases it. */
function held(answer: Answerer): { readonly answer: Answerer; release(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    release: resolve,
    answer: async (request, signal) => {
      await promise;
      return await answer(request, signal);
    },
  };
}

Deno.test("GatewayClient probes a gateway once, with a request that cannot run, and pins version 2", async () => {
  const clock = new FakeClock();
  const answers = [stale(NOW), answer(200, "a"), answer(200, "b"), stream([connected(1)])];
  const { client, requests } = clientOf(answers, clock, AUTO);
  assertEquals(client.protocol, undefined);
  assertEquals((await client.callJeedom("ping")).body, "a");
  assertEquals(client.protocol, 2);
  assertEquals((await client.publish("t", "m")).body, "b");
  for await (const _event of client.subscribe(["t"])) break;
  assertEquals(versions(requests), [2, 2, 2, 2]);
  assertEquals([requests[0]?.route, requests[0]?.fields], ["/gateway", { timestamp: 0 }]);
  clock.assertIdle();
});

Deno.test("GatewayClient corrects its clock by the answer to its probe", async () => {
  const { client, requests } = clientOf([stale(NOW - 500), answer(200, "")], new FakeClock(), AUTO);
  await client.callJeedom("ping");
  assertEquals(requests.map(({ fields }) => fields["timestamp"]), [0, NOW - 500]);
});

Deno.test("GatewayClient falls back to version 1 at a gateway of version 1, permanently", async () => {
  const answers = [refuse(401), answer(200, "a"), stream([connected(1), message(2)]), refuse(401)];
  const { client, requests } = clientOf(answers, new FakeClock(), AUTO);
  assertEquals((await client.callJeedom("ping")).body, "a");
  assertEquals(client.protocol, 1);
  for await (const { type } of client.subscribe(["t"])) if (type === "message") break;
  await assertRejects(() => client.publish("t", "m"), WrongKeyError);
  assertEquals(versions(requests), [2, 1, 1, 1]);
});

Deno.test("GatewayClient never downgrades to version 1", async () => {
  for (const protocol of ["auto", 2] as const) {
    const probe = protocol === "auto" ? [stale(NOW)] : [];
    const answers = [...probe, answer(200, ""), refuse(401), refuse(401), stream([connected(1)]), refuse(401)];
    const { client, requests } = clientOf(answers, new FakeClock(), { protocol });
    await client.callJeedom("ping");
    await assertRejects(() => client.publish("t", "m"), WrongKeyError);
    await assertRejects(() => Array.fromAsync(client.subscribe(["t"])), WrongKeyError);
    await assertRejects(() => Array.fromAsync(client.subscribe(["t"])), WrongKeyError);
    assertEquals(client.protocol, 2);
    assert(versions(requests).every((version) => version === 2), String(versions(requests)));
  }
});

Deno.test("GatewayClient pins version 2 by any answer that opens", async () => {
  const { client, requests } = clientOf([failure(429, "Too many"), refuse(401)], new FakeClock(), AUTO);
  await assertRejects(() => client.callJeedom("ping"), WrongKeyError);
  assertEquals([client.protocol, versions(requests)], [2, [2, 2]]);
});

Deno.test("GatewayClient sends no probe with a pinned version", async () => {
  for (const protocol of [1, 2] as const) {
    const { client, requests } = clientOf([answer(200, "")], new FakeClock(), { protocol });
    assertEquals(client.protocol, protocol);
    await client.callJeedom("ping");
    assertEquals(versions(requests), [protocol]);
  }
});

Deno.test("GatewayClient throws the error of its probe, and probes again with the next request", async () => {
  const forged: Answerer = async () =>
    new Response(
      await sealAnswer({ version: 1, key: secret }, '{"status":403,"body":"","timestamp":1}', randomBytes),
    );
  const failures = [
    [unreachable, UnreachableError],
    [refuse(429), RateLimitError],
    [refuse(503), UnavailableError],
    [() => new Response("<html>Welcome to the hotel</html>"), TamperedError],
    [forged, TamperedError],
  ] as const;
  for (const [failure, type] of failures) {
    const clock = new FakeClock();
    const { client, requests } = clientOf([failure, failure, stale(NOW), answer(200, "a")], clock, AUTO);
    await assertRejects<GatewayError>(() => client.publish("t", "m"), type);
    await assertRejects<GatewayError>(() => Array.fromAsync(client.subscribe(["t"])), type);
    assertEquals(client.protocol, undefined);
    assertEquals((await client.publish("t", "m")).body, "a");
    assertEquals(requests.map(({ fields }) => fields["timestamp"]), [0, 0, 0, NOW]);
    clock.assertIdle();
  }
});

Deno.test("GatewayClient shares one probe among concurrent requests", async () => {
  const clock = new FakeClock();
  const probe = held(stale(NOW));
  const answers = [probe.answer, ...["a", "b", "c"].map((body) => answer(200, body))];
  const { client, requests } = clientOf(answers, clock, AUTO);
  const calls = [client.callJeedom("ping"), client.publish("t", "m"), client.callJeedom("ping")];
  await until("the probe", () => requests.length === 1);
  probe.release();
  assertEquals((await Promise.all(calls)).map(({ body }) => body).toSorted(), ["a", "b", "c"]);
  assertEquals(requests.filter(({ fields }) => fields["timestamp"] === 0).length, 1);
  clock.assertIdle();
});

Deno.test("GatewayClient fails all requests that share a failed probe, and asks again for the next one", async () => {
  const probe = held(unreachable);
  const answers = [probe.answer, stale(NOW), answer(200, "a"), answer(200, "a"), answer(200, "a")];
  const { client, requests } = clientOf(answers, new FakeClock(), AUTO);
  const again = async () => {
    await assertRejects(() => client.callJeedom("ping"), UnreachableError);
    return (await client.callJeedom("ping")).body;
  };
  const calls = [again(), again(), again()];
  await until("the probe", () => requests.length === 1);
  probe.release();
  assertEquals(await Promise.all(calls), ["a", "a", "a"]);
  assertEquals(requests.filter(({ fields }) => fields["timestamp"] === 0).length, 2);
});

Deno.test("GatewayClient aborts a probe with the last request that waits for it, and not before", async () => {
  const clock = new FakeClock();
  const probe = held(stale(NOW));
  const { client, requests } = clientOf([probe.answer, answer(200, "a")], clock, AUTO);
  const leave = new AbortController();
  const left = client.callJeedom("ping", {}, { signal: leave.signal });
  const stays = client.callJeedom("ping");
  await until("the probe", () => requests.length === 1);
  leave.abort(new Error("Enough"));
  await assertRejects(() => left, Error, "Enough");
  probe.release();
  assertEquals((await stays).body, "a");

  let isEnded = false;
  const watched: Answerer = (request, signal) => {
    signal.addEventListener("abort", () => isEnded = true);
    return mute(request, signal);
  };
  const alone = clientOf([watched, stale(NOW), answer(200, "b")], clock, AUTO);
  const late = alone.client.callJeedom("ping");
  await until("the probe", () => alone.requests.length === 1);
  clock.advance(40_000);
  await assertRejects(() => late, RequestTimeoutError);
  assert(isEnded);
  assertEquals((await alone.client.callJeedom("ping")).body, "b");
  clock.assertIdle();
});
