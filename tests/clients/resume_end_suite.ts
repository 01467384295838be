/** Tests of every client: failures that end a subscription. */
import { assertEquals } from "@std/assert";
import { type ClientProgram, ClientTests, type Code, QUICK } from "./client_program.ts";
import { breakOff, closeConnection, disconnected, endAtOnce, error, refuse, serve } from "./responses.ts";
import { type Respond, UNOPENED, withFakeGateway } from "./tcp_gateway.ts";
import { received, subscribing } from "./subscribing.ts";

/** Registers the tests of one client. */
export function testResumeEnd(program: ClientProgram): void {
  const tests = new ClientTests(program);

  const subscribe = subscribing(tests);

  tests.test("resumes after an error, and ends when its next try is refused with status 401", () =>
    subscribe([serve(1, error("Key phone was rotated")), refuse(401, UNOPENED)], {}, (lines, requests) => {
      assertEquals(received(lines), ["connected", "1", "error"]);
      tests.assertFailure(lines.at(-1), "wrong_key", { status: 401 });
      assertEquals(requests.map(({ version }) => version), [2, 2]);
    }));

  tests.test("ends when the answer to a later try was tampered with", () =>
    subscribe(
      [breakOff, async (request) => {
        await request.begin();
        await request.chunk((await request.event({ type: "connected" })).replace(/data: .{4}/, "data: AAAA"));
        await request.closed();
      }],
      {},
      (lines) => {
        assertEquals(received(lines), ["connected", "disconnected"]);
        tests.assertFailure(lines.at(-1), "tampered");
      },
    ));

  tests.test("ends with the error that permanently refuses a later try", () =>
    subscribe([breakOff, endAtOnce(error("This key may not subscribe to #"))], {}, (lines) => {
      assertEquals(received(lines), ["connected", "disconnected"]);
      tests.assertFailure(lines.at(-1), "scope", { status: 0, message: "This key may not subscribe to #" });
    }));

  tests.test("ends when its first try fails, whatever the reason", () => {
    // An event has no status.
    const reasons: readonly (readonly [Respond, Code, number?])[] = [
      [refuse(503, '{"error":"Wait"}', { "Retry-After": "1" }), "unavailable", 503],
      [refuse(429, '{"error":"Too many requests"}'), "rate_limit", 429],
      [closeConnection, "unreachable"],
      [endAtOnce(error("MQTT error: Broker is out of reach")), "failed"],
      [endAtOnce(error("Too many open streams: close one first")), "rate_limit"],
      [endAtOnce(error("This key may not subscribe to #")), "scope"],
      [endAtOnce(error("Broker not allowed: evil.example")), "scope"],
      [endAtOnce(error("Missing required field: topic")), "refused"],
      [endAtOnce(error("Request expired, or so")), "refused"],
      [endAtOnce(error("Too slow: too many messages wait for all listeners together")), "refused"],
    ];
    return withFakeGateway(reasons.map(([respond]) => respond), async (gateway) => {
      const choices = JSON.stringify({ times: reasons.length });
      const lines = await tests.all(gateway, ["subscribe", "0", choices, "#"], QUICK);
      assertEquals(lines.map(({ code }) => code), reasons.map(([, code]) => code));
      for (const [index, [, code, status = 0]] of reasons.entries()) {
        tests.assertFailure(lines[index], code, { status });
      }
      assertEquals(gateway.requests.length, reasons.length);
    });
  });

  tests.test("ends at once when it is closed during a wait", () =>
    withFakeGateway([breakOff, refuse(503, "", { "Retry-After": "999999999" })], async (gateway) => {
      const lines = await tests.withClient(gateway, ["subscribe", "0", "{}", "#"], async (client) => {
        await client.line("backoff", 1);
        await client.close();
        await client.line("end");
      }, QUICK);
      assertEquals(received(lines), ["connected", "disconnected"]);
      assertEquals(gateway.requests.length, 2);
    }));

  tests.test("ends with its stream when it asked for one only", () =>
    subscribe([serve(1, disconnected("Gateway is shutting down"))], { choices: { resume: false } }, (lines) => {
      assertEquals(received(lines), ["connected", "1", "disconnected"]);
      assertEquals(lines.at(-1), { end: true });
    }));
}
