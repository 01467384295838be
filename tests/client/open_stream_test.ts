/** A single stream, in both versions. */
import { assertEquals, assertRejects } from "@std/assert";
import {
  FailedError,
  type GatewayError,
  RateLimitError,
  RefusedError,
  ScopeError,
  TamperedError,
  TruncatedError,
  UnreachableError,
} from "../../src/client/gateway_client.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { final } from "./follow.ts";
import {
  blocks,
  bodyOf,
  clientOf,
  connected,
  message,
  refuse,
  stream,
  unreachable,
  VERSIONS,
} from "../support/fake_gateway.ts";

for (const protocol of VERSIONS) {
  Deno.test(`subscribe() opens events of version ${protocol} however bytes are cut, and skips heartbeats`, async () => {
    for (const last of ["disconnected", "error", "end"] as const) {
      const events = [
        connected(1),
        { ...message(2), payload: "é", qos: 0, retain: false, timestamp: 1 },
        final(last, "bye"),
      ];
      const ping = { type: "ping", timestamp: 1 };
      const [first, second, third] = events;
      const { client } = clientOf(
        [async ({ exchange }, signal) => {
          const sealed = await blocks([first, ping, second, { type: "weather" }, third, message(9)], exchange);
          const bytes = new TextEncoder().encode(`: keepalive\n\n${sealed.join(": keepalive\n\n")}`);
          const pieces = Array.from(
            { length: Math.ceil(bytes.length / 7) },
            (_, n) => bytes.subarray(n * 7, n * 7 + 7),
          );
          return bodyOf(pieces, "stays open", signal);
        }],
        new FakeClock(),
        { protocol },
      );
      assertEquals(await Array.fromAsync<unknown>(client.subscribe(["t"], { resume: false })), events);
    }
  });

  Deno.test(`subscribe() of version ${protocol} without resume reports a stream that breaks off`, async () => {
    for (const events of [[], [connected(1)], [connected(1), message(2)]]) {
      for (const end of ["ends", "breaks"] as const) {
        const clock = new FakeClock();
        const { client } = clientOf([stream(events, end)], clock, { protocol });
        const error = await assertRejects(
          () => Array.fromAsync(client.subscribe(["t"], { resume: false })),
          TruncatedError,
          "Stream broke off",
        );
        assertEquals([error.code, error.status, error.retryAfterMs], ["truncated", 0, 0]);
        clock.assertIdle();
      }
    }
  });

  Deno.test(`subscribe() of version ${protocol} rejects a malformed event`, async () => {
    for (const value of [null, 1, [], {}, { type: 1 }, { status: 200, body: "", timestamp: 1 }]) {
      const { client } = clientOf([stream([value])], new FakeClock(), { protocol });
      await assertRejects(() => Array.fromAsync(client.subscribe(["t"])), TamperedError, "Event is not sealed");
    }
  });

  Deno.test(`subscribe() of version ${protocol} cancels the stream when its reader breaks out of the loop`, async () => {
    let cancelled = false;
    const { client } = clientOf(
      [async ({ exchange }) => {
        const [text] = await blocks([connected(1)], exchange);
        return new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
            cancel: () => void (cancelled = true),
          }),
        );
      }],
      new FakeClock(),
      { protocol },
    );
    for await (const _event of client.subscribe(["t"])) break;
    assertEquals(cancelled, true);
  });

  Deno.test(`subscribe() of version ${protocol} throws the error for an error event before connected`, async () => {
    const meanings = [
      ["This key may not subscribe to t", ScopeError, "scope"],
      ["Broker not allowed: b", ScopeError, "scope"],
      ["Too many open streams: close one first", RateLimitError, "rate_limit"],
      ["MQTT error: Broker refused the connection", FailedError, "failed"],
      ["Missing required field: topic", RefusedError, "refused"],
      ["Request expired, or so", RefusedError, "refused"],
    ] as const;
    for (const [text, type, code] of meanings) {
      for (const resume of [true, false]) {
        const { client, requests } = clientOf([stream([final("error", text)])], new FakeClock(), { protocol });
        const error = await assertRejects<GatewayError>(
          () => Array.fromAsync(client.subscribe(["t"], { resume })),
          type,
          text,
        );
        assertEquals([error.code, error.status, requests.length], [code, 0, 1]);
      }
    }
  });
}

Deno.test("subscribe() distinguishes an unreachable gateway from one that refuses", async () => {
  const missing = clientOf([unreachable], new FakeClock()).client;
  await assertRejects(() => Array.fromAsync(missing.subscribe(["t"])), UnreachableError);
  const refused = clientOf([refuse(404)], new FakeClock()).client;
  await assertRejects(() => Array.fromAsync(refused.subscribe(["t"])), RefusedError, "Refused with 404");
});
