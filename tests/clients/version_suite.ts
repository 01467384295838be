/** Tests of every client: version of the protocol, and clock. */
import { assert, assertEquals, assertGreater, assertNotEquals } from "@std/assert";
import { type ClientProgram, ClientTests, type Code } from "./client_program.ts";
import { closeConnection, endAtOnce, error, refuse } from "./responses.ts";
import { EXPIRED, type Respond, UNOPENED, withFakeGateway } from "./tcp_gateway.ts";

const CALL = ["call", "datetime", "{}"];
const CALLS = [...CALL, "datetime", "{}", "datetime", "{}"];

const succeed: Respond = (request) => request.reply("ok");
const expired: Respond = (request) => request.reply(EXPIRED, { status: 403 });

const stamps = (requests: readonly { readonly fields: Readonly<Record<string, unknown>> }[]) =>
  requests.map(({ fields }) => Number(fields["timestamp"]));

/** Registers the tests of one client. */
export function testVersions(program: ClientProgram): void {
  const tests = new ClientTests(program);

  tests.test("asks once for the version, also for concurrent calls, and keeps 2", () =>
    withFakeGateway([succeed, succeed, succeed, succeed], async (gateway) => {
      const lines = await tests.all(gateway, ["together", "4", "datetime"]);
      assertEquals(lines.map(({ body, protocol }) => body ?? protocol), ["ok", "ok", "ok", "ok", 2]);
      assertEquals(gateway.requests.map(({ version }) => version), [2, 2, 2, 2]);
      assertEquals(gateway.probes.map(({ version }) => version), [2]);
      assertEquals(new Set(gateway.requests.map(({ unique }) => unique)).size, 4);
    }));

  tests.test("falls back to version 1 at a gateway of version 1, and asks no more", () =>
    withFakeGateway([succeed, succeed, succeed], async (gateway) => {
      const lines = await tests.all(gateway, ["together", "3", "datetime"]);
      assertEquals(lines.map(({ body, protocol }) => body ?? protocol), ["ok", "ok", "ok", 1]);
      assertEquals(gateway.requests.map(({ version }) => version), [1, 1, 1]);
      assertEquals(gateway.unsupported, 1);
    }, { version: 1 }));

  tests.test("with version 2 pinned asks nothing, and never falls back", async () => {
    const env = { CLIENT_PROTOCOL: "2" };
    await withFakeGateway([succeed], async (gateway) => {
      assertEquals((await tests.run(gateway, CALL, env))["body"], "ok");
      assertEquals([gateway.requests.length, gateway.probes.length], [1, 0]);
    });
    await withFakeGateway([], async (gateway) => {
      tests.assertFailure(await tests.run(gateway, CALL, env), "wrong_key", { status: 401 });
      assertEquals([gateway.requests.length, gateway.unsupported], [0, 1]);
    }, { version: 1 });
  });

  tests.test("asks again for the version when its probe had no answer", () =>
    withFakeGateway([succeed], async (gateway) => {
      const [unavailable, unreachable, tampered, answered] = await tests.all(gateway, [...CALLS, "datetime", "{}"]);
      tests.assertFailure(unavailable, "unavailable", { status: 503 });
      tests.assertFailure(unreachable, "unreachable", { status: 0 });
      tests.assertFailure(tampered, "tampered");
      assertEquals(answered?.["body"], "ok");
      assertEquals(gateway.requests.map(({ version }) => version), [2]);
      assertEquals(gateway.probes.length, 4);
      assertEquals(new Set(gateway.probes.map(({ unique }) => unique)).size, 4);
    }, {
      probes: [
        refuse(503, '{"error":"Wait"}'),
        closeConnection,
        refuse(200, "<html>Welcome to the hotel</html>"),
      ],
    }));

  tests.test("with a wrong key does not try version 1 at a gateway of version 2, but does not trust its refusal", () => {
    const unopened = refuse(401, UNOPENED, { "E2E-Protocol": "2" });
    return withFakeGateway([succeed], async (gateway) => {
      const [first, second, third] = await tests.all(gateway, CALLS);
      for (const line of [first, second]) tests.assertFailure(line, "wrong_key", { status: 401, retryAfter: null });
      assertEquals(third?.["body"], "ok");
      assertEquals(gateway.requests.map(({ version }) => version), [2]);
      assertEquals(gateway.probes.length, 3);
    }, { probes: [unopened, unopened] });
  });

  tests.test("falls back to version 1 where a refusal announces a malformed version, or not 2", () => {
    const reported = ["1", "", "two"];
    return withFakeGateway(reported.map(() => succeed), async (gateway) => {
      for (const _ of reported) assertEquals((await tests.run(gateway, CALL))["body"], "ok");
      assertEquals(gateway.requests.map(({ version }) => version), [1, 1, 1]);
    }, { probes: reported.map((version) => refuse(401, UNOPENED, { "E2E-Protocol": version })) });
  });

  tests.test("says how long to wait", () => {
    const sealed = (status: number, text: string, more: Readonly<Record<string, unknown>>): Respond => (request) =>
      request.reply(JSON.stringify({ error: text, ...more }), { status, source: "gateway" });
    const refusals: readonly (readonly [Respond, string])[] = [
      [
        refuse(429, '{"error":"Too many requests"}', { "Retry-After": "12" }),
        "Too many requests or failed attempts from this address: wait 12 s",
      ],
      [refuse(429, '{"error":"Slow down"}', { "Retry-After": "0.2" }), "Slow down: wait 1 s"],
      [
        refuse(503, '{"error":"Gateway is shutting down"}', { "Retry-After": "5" }),
        "Gateway is shutting down: wait 5 s",
      ],
      [refuse(503, '{"error":"Too many requests to remember"}'), "Too many requests to remember"],
      [
        sealed(429, "Too many requests with this key", { code: "key_rate", retry_after: 3 }),
        "Too many requests with this key: wait 3 s",
      ],
      [sealed(429, "Slow down", { code: "newer", retry_after: 3 }), "Slow down: wait 3 s"],
      [sealed(503, "Stopping", { code: "restart", retry_after: 2.5 }), "Stopping: wait 3 s"],
    ];
    return withFakeGateway(refusals.map(([respond]) => respond), async (gateway) => {
      const args = ["call", ...refusals.flatMap(() => ["datetime", "{}"])];
      const lines = await tests.all(gateway, args, { CLIENT_PROTOCOL: "2" });
      assertEquals(lines.map(({ message }) => message), refusals.map(([, text]) => text));
    });
  });

  tests.test("does not fall back when its requests are refused after it has seen version 2", () => {
    const unopened = refuse(401, UNOPENED);
    return withFakeGateway([unopened, unopened, succeed], async (gateway) => {
      const [first, second, third] = await tests.all(gateway, CALLS);
      tests.assertFailure(first, "wrong_key");
      tests.assertFailure(second, "wrong_key");
      assertEquals(third?.["body"], "ok");
      assertEquals(gateway.requests.map(({ version }) => version), [2, 2, 2]);
      assertEquals(gateway.probes.length, 1);
    });
  });

  tests.test("whose clock is wrong takes the gateway's time from the first answer", () =>
    withFakeGateway([succeed, succeed, succeed], async (gateway) => {
      const lines = await tests.all(gateway, CALLS, { CLIENT_CLOCK_OFFSET: "-3600" });
      assertEquals(lines.map(({ body }) => body), ["ok", "ok", "ok"]);
      for (const stamp of stamps(gateway.requests)) assert(Math.abs(stamp - Date.now() / 1000) < 60);
    }));

  tests.test("whose clock is slow sends a request again when the gateway proves it, but only once", () => {
    const later: Respond = (request) => request.reply(EXPIRED, { status: 403, timestamp: Date.now() / 1000 + 3600 });
    return withFakeGateway([expired, succeed, later, later, succeed], async (gateway) => {
      const env = { CLIENT_PROTOCOL: "2", CLIENT_CLOCK_OFFSET: "-3600" };
      const [first, second, third] = await tests.all(gateway, CALLS, env);
      assertEquals(first?.["body"], "ok");
      tests.assertFailure(second, "expired", { status: 403 });
      assert(Math.abs(Number(second?.["timestamp"]) - 3600 - Date.now() / 1000) < 60);
      assertEquals(third?.["body"], "ok");
      const { requests } = gateway;
      assertEquals([requests.length, new Set(requests.map(({ unique }) => unique)).size], [5, 5]);
      for (const [index, ahead] of [-3600, 0, 0, 3600, 3600].entries()) {
        assert(Math.abs(Number(stamps(requests)[index]) - ahead - Date.now() / 1000) < 60, String(index));
      }
    });
  });

  tests.test("sends nothing again that may have run, or may still run, but corrects its clock", () => {
    // The gateway has just started; or its clock is later by a minute, but was not when the request was sealed.
    const afterWhile: Respond = async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await request.reply(EXPIRED, { status: 403, timestamp: Number(request.fields["timestamp"]) + 61 });
    };
    return withFakeGateway([expired, afterWhile, succeed], async (gateway) => {
      const [started, slow, third] = await tests.all(gateway, CALLS, { CLIENT_PROTOCOL: "2" });
      tests.assertFailure(started, "expired", { status: 403 });
      tests.assertFailure(slow, "expired", { status: 403 });
      assertEquals(third?.["body"], "ok");
      assertEquals(gateway.requests.length, 3);
    });
  });

  tests.test("whose clock is fast sends nothing again: its request could still be delivered once it is valid", () =>
    withFakeGateway([expired, succeed], async (gateway) => {
      const env = { CLIENT_PROTOCOL: "2", CLIENT_CLOCK_OFFSET: "3600" };
      const [early, second] = await tests.all(gateway, [...CALL, "datetime", "{}"], env);
      tests.assertFailure(early, "expired", { status: 403 });
      assertEquals(second?.["body"], "ok");
      assertEquals(gateway.requests.length, 2);
      assert(Math.abs(Number(stamps(gateway.requests)[1]) - Date.now() / 1000) < 60);
    }));

  tests.test("sends a subscription again when its time is wrong, but only once", () => {
    const endExpired = endAtOnce(error("Request expired", { timestamp: Math.floor(Date.now() / 1000) }));
    return withFakeGateway([endExpired, (request) => request.serve(1), endExpired, endExpired], async (gateway) => {
      const args = ["subscribe", "1", '{"times": 2}', "#"];
      const env = { CLIENT_PROTOCOL: "2", CLIENT_CLOCK_OFFSET: "3600" };
      const lines = await tests.all(gateway, args, env);
      assertEquals(lines.map(({ type, end }) => type ?? end), ["connected", "message", true, undefined]);
      tests.assertFailure(lines.at(-1), "expired", { status: 0 });
      assertEquals(gateway.requests.length, 4);
      assertGreater(Number(stamps(gateway.requests)[0]), Date.now() / 1000 + 3000);
    });
  });

  tests.test("of version 1 sends nothing again and corrects nothing when an old refusal is replayed", () => {
    let old = "";
    const first: Respond = async (request) => {
      old = await request.sealed({ status: 403, body: EXPIRED, timestamp: 1_700_000_000 });
      await request.answer(200, old);
    };
    return withFakeGateway([first, (request) => request.answer(200, old), succeed], async (gateway) => {
      const [expired, playedBack, answered] = await tests.all(gateway, CALLS, { CLIENT_PROTOCOL: "1" });
      tests.assertFailure(expired, "expired", { timestamp: 1_700_000_000 });
      tests.assertFailure(playedBack, "expired");
      assertEquals(answered?.["body"], "ok");
      assertEquals(gateway.requests.map(({ version }) => version), [1, 1, 1]);
      for (const stamp of stamps(gateway.requests)) assert(Math.abs(stamp - Date.now() / 1000) < 60);
    });
  });

  tests.test("distinguishes failures, and never repeats a request", () => {
    const sealed = (status: number, text: string, more = {}): Respond => (request) =>
      request.reply(JSON.stringify({ error: text, ...more }), { status });
    const failures: readonly (readonly [Respond, Code, number, (number | null)?])[] = [
      [closeConnection, "unreachable", 0, 0],
      [refuse(503, "", { "Retry-After": "7" }), "unavailable", 503, 7],
      [refuse(408, ""), "unavailable", 408, 0],
      [refuse(429, '{"error":"Too many requests"}', { "Retry-After": "3" }), "rate_limit", 429, 3],
      [refuse(413, '{"error":"Body is larger than 1 bytes"}'), "refused", 413, null],
      [sealed(429, "Too many requests", { "retry_after": 5 }), "rate_limit", 429, 5],
      [sealed(403, "This key may not call datetime"), "scope", 403, null],
      [sealed(403, "Broker not allowed: evil.example"), "scope", 403, null],
      [sealed(403, "Missing required field: jsonrpc"), "refused", 403, null],
      [sealed(403, "Request expired, or so"), "refused", 403, null],
      [sealed(409, "Request was used before"), "refused", 409, null],
      [sealed(502, "Jeedom is out of reach"), "failed", 502],
      [sealed(504, "Jeedom is slow"), "failed", 504],
    ];
    const responses = [
      ...failures.map(([respond]) => respond),
      (request: Parameters<Respond>[0]) => request.reply("", { status: 500 }),
    ];
    return withFakeGateway(responses, async (gateway) => {
      const lines = await tests.all(gateway, ["call", ...responses.flatMap(() => ["datetime", "{}"])]);
      for (const [index, [, code, status, retryAfter]] of failures.entries()) {
        const wait = retryAfter === undefined ? {} : { retryAfter };
        tests.assertFailure(lines[index], code, { status, ...wait });
        assertNotEquals(lines[index]?.["message"], "");
      }
      // An answer of Jeedom, not of the gateway.
      assertEquals([lines.at(-1)?.["status"], lines.at(-1)?.["body"]], [500, ""]);
      assertEquals([lines.length, gateway.requests.length], [responses.length, responses.length]);
    });
  });

  tests.test("aborts a call that is not answered in time", () =>
    withFakeGateway([(request) => request.closed()], async (gateway) => {
      const env = { CLIENT_PROTOCOL: "2", CLIENT_TIMEOUT: "5" };
      tests.assertFailure(await tests.run(gateway, CALL, env), "timeout", { status: 0 });
      assertEquals(gateway.requests.length, 1);
    }));
}
