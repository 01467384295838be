/** Errors for refusals. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { GatewayError, WrongKeyError } from "../../src/client/gateway_client.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { type Answerer, clientOf, failure, refuse, unreachable, VERSIONS } from "../support/fake_gateway.ts";

/** Publishes once, and returns the error, shortened. */
async function shortly(answer: Answerer, protocol: 1 | 2): Promise<unknown[]> {
  const clock = new FakeClock();
  const { client, requests } = clientOf([answer], clock, { protocol });
  const { name, code, status, retryAfterMs } = await assertRejects(() => client.publish("t", "m"), GatewayError);
  assertEquals(requests.length, 1, "A command was sent twice");
  clock.assertIdle();
  return [name, code, status, retryAfterMs];
}

for (const protocol of VERSIONS) {
  Deno.test(`publish() of version ${protocol} distinguishes plain refusals, and sends nothing twice`, async () => {
    const hour = { "Retry-After": "99999999999" };
    const date = { "Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT" };
    for (
      const [answer, ...expected] of [
        [unreachable, "UnreachableError", "unreachable", 0, 0],
        [refuse(401), "WrongKeyError", "wrong_key", 401, undefined],
        [refuse(401, { "Retry-After": "5" }), "WrongKeyError", "wrong_key", 401, undefined],
        [refuse(429), "RateLimitError", "rate_limit", 429, 0],
        [refuse(429, { "Retry-After": "7" }), "RateLimitError", "rate_limit", 429, 7000],
        [refuse(429, hour), "RateLimitError", "rate_limit", 429, 3_600_000],
        [refuse(408), "UnavailableError", "unavailable", 408, 0],
        [refuse(500, date), "UnavailableError", "unavailable", 500, 0],
        [refuse(503, { "Retry-After": "30" }), "UnavailableError", "unavailable", 503, 30_000],
        [refuse(504), "UnavailableError", "unavailable", 504, 0],
        [refuse(400), "RefusedError", "refused", 400, undefined],
        [refuse(403), "RefusedError", "refused", 403, undefined],
        [refuse(413, { "Retry-After": "5" }), "RefusedError", "refused", 413, undefined],
      ] as const
    ) assertEquals(await shortly(answer, protocol), expected);
  });

  Deno.test(`publish() of version ${protocol} distinguishes sealed refusals, and sends nothing twice`, async () => {
    for (
      const [answer, ...expected] of [
        [failure(403, "This key may not publish to t"), "ScopeError", "scope", 403, undefined],
        [failure(403, "Broker not allowed: b"), "ScopeError", "scope", 403, undefined],
        [failure(403, "Missing required field: jsonrpc"), "RefusedError", "refused", 403, undefined],
        [failure(403, "So: This key may not do this"), "RefusedError", "refused", 403, undefined],
        [failure(400, "This key may not do this"), "RefusedError", "refused", 400, undefined],
        [failure(400, "Request expired"), "RefusedError", "refused", 400, undefined],
        [failure(409, "Request repeated"), "RefusedError", "refused", 409, undefined],
        [failure(429, "Too many", { retry_after: 2.5 }), "RateLimitError", "rate_limit", 429, 2500],
        [failure(429, "Too many", { retry_after: "soon" }), "RateLimitError", "rate_limit", 429, 0],
        [failure(500, "MQTT error: Broker is unavailable"), "FailedError", "failed", 500, undefined],
        [failure(504, "Jeedom did not answer within 30 s"), "FailedError", "failed", 504, undefined],
      ] as const
    ) assertEquals(await shortly(answer, protocol), expected);
  });
}

Deno.test("publish() fails with the text of a refusal, and the name of its key", async () => {
  const page = () => new Response("<html>", { status: 502, statusText: "Bad Gateway" });
  const bare = () => new Response("{}", { status: 418 });
  const huge = () => new Response(`{"error":"${"x".repeat(10_000)}"}`, { status: 500 });
  for (
    const [answer, text] of [
      [refuse(413), "Refused with 413"],
      [page, "Bad Gateway"],
      [bare, "HTTP status 418"],
      [huge, "HTTP status 500"],
      [failure(400, "Missing required field: topic"), "Missing required field: topic"],
      [refuse(401), 'Refused with 401: gateway does not accept key "annas-phone"'],
    ] as const
  ) {
    const { client } = clientOf([answer], new FakeClock(), { keyName: "annas-phone" });
    const { message } = await assertRejects(() => client.publish("t", "m"), GatewayError);
    assert(message.startsWith(text), message);
  }
  const { client } = clientOf([refuse(401)], new FakeClock());
  await assertRejects(() => client.publish("t", "m"), WrongKeyError, "does not accept this key");
});

Deno.test("publish() reports a connection that breaks off within an answer", async () => {
  const broken: Answerer = () =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode("2.abc"));
        },
        pull: (controller) => controller.error(new TypeError("Connection reset by peer")),
      }),
    );
  assertEquals(await shortly(broken, 2), ["UnreachableError", "unreachable", 0, 0]);
});

Deno.test("publish() throws errors other than failures of the network unchanged", async () => {
  const { client } = clientOf([() => Promise.reject(new RangeError("Fetch is broken"))], new FakeClock());
  await assertRejects(() => client.publish("t", "m"), RangeError, "Fetch is broken");
});
