/** Tests of every client: refusals of the gateway itself, answers of services, and codes. */
import { assertEquals } from "@std/assert";
import type { ErrorCode } from "../../src/protocol/error_code.ts";
import { type ClientProgram, ClientTests, type Code, QUICK } from "./client_program.ts";
import { breakOff, endAtOnce, error, refuse, stay } from "./responses.ts";
import { EXPIRED, type Respond, withFakeGateway } from "./tcp_gateway.ts";
import { received, subscribing } from "./subscribing.ts";

/** No probe, which would be the first answer. */
const PINNED = { CLIENT_PROTOCOL: "2" };

/** Error code of each code of the gateway. */
const MEANINGS: Readonly<Record<ErrorCode, Code>> = {
  expired: "expired",
  scope: "scope",
  "broker_not_allowed": "scope",
  "key_revoked": "wrong_key",
  "key_rate": "rate_limit",
  busy: "rate_limit",
  broker: "failed",
  "service_unreachable": "failed",
  "service_timeout": "failed",
  "service_answer": "failed",
  internal: "failed",
  restart: "unavailable",
  payload: "refused",
  field: "refused",
  "unknown_service": "refused",
  "limit_reached": "refused",
  "old_secret": "refused",
  replay: "refused",
  "salt_reused": "refused",
  "already_executed": "refused",
  "already_paired": "already_paired",
  "pairing_conflict": "refused",
  "too_slow": "refused",
};

/** Text with another meaning at an older gateway. */
const misleading = (meaning: Code) => meaning === "scope" ? "Request expired" : "This key may not call datetime";

/** Refusal of a gateway that names itself as the source. */
const marked = (status: number, fields: Readonly<Record<string, unknown>>): Respond => (request) =>
  request.reply(JSON.stringify(fields), { status, source: "gateway" });

const calls = (responses: readonly Respond[]) => ["call", ...responses.flatMap(() => ["datetime", "{}"])];

/** Registers the tests of one client. */
export function testCodes(program: ClientProgram): void {
  const tests = new ClientTests(program);

  const subscribe = subscribing(tests);

  tests.test("classifies a refusal by its code, whatever its text", () => {
    const cases = Object.entries(MEANINGS);
    const responses = cases.map(([code, meaning]) => marked(403, { error: misleading(meaning), code }));
    return withFakeGateway(responses, async (gateway) => {
      const lines = await tests.all(gateway, calls(responses), PINNED);
      assertEquals([lines.length, gateway.requests.length], [cases.length, cases.length]);
      for (const [index, [gatewayCode, meaning]] of cases.entries()) {
        tests.assertFailure(lines[index], meaning, { status: 403, gatewayCode, isSealed: true });
      }
    });
  });

  tests.test("classifies a refusal with a source by its status if it has no code, or an unknown one", () => {
    const codes = [{}, { code: "brand_new" }, { code: 7 }];
    const meanings: readonly (readonly [number, Code])[] = [[429, "rate_limit"], [503, "failed"], [403, "refused"]];
    const cases = codes.flatMap((code) => meanings.map(([status, meaning]) => ({ code, status, meaning })));
    const responses = cases.map(({ code, status }) => marked(status, { error: "Request expired", ...code }));
    // A body that is not a JSON object is a refusal, too.
    const malformed: Respond = (request) => request.reply("[[[", { status: 403, source: "gateway" });
    return withFakeGateway([...responses, malformed], async (gateway) => {
      const lines = await tests.all(gateway, calls([...responses, malformed]), PINNED);
      for (const [index, { code, status, meaning }] of cases.entries()) {
        tests.assertFailure(lines[index], meaning, {
          status,
          gatewayCode: code.code === "brand_new" ? code.code : null,
        });
      }
      tests.assertFailure(lines.at(-1), "refused", { status: 403, gatewayCode: null });
    });
  });

  tests.test("tells sealed refusals, also of an older gateway, from those of programs in between", () => {
    const older: Respond = (request) => request.reply('{"error":"This key may not call datetime"}', { status: 403 });
    const plain = [refuse(429, "{}"), refuse(503, "{}"), refuse(403, '{"error":"No","source":"gateway"}')];
    const responses = [...plain, older, marked(429, { error: "No", code: "key_rate" })];
    return withFakeGateway(responses, async (gateway) => {
      const lines = await tests.all(gateway, calls(responses), { CLIENT_PROTOCOL: "1" });
      assertEquals(lines.map(({ status, isSealed }) => [status, isSealed]), [
        ...[[429, false], [503, false], [403, false]],
        ...[[403, true], [429, true]],
      ]);
    });
  });

  tests.test("accepts an answer of the gateway itself with status 200 as a success", () =>
    withFakeGateway([(request) => request.reply('{"success":true}', { source: "gateway" })], async (gateway) => {
      const answer = await tests.run(gateway, ["publish", "home/lamp", "on", "1", "false"], PINNED);
      assertEquals([answer["status"], answer["body"]], [200, '{"success":true}']);
    }));

  /** Answers of a service with the texts of an older gateway. */
  const TEXTS: readonly (readonly [number, string])[] = [
    [403, EXPIRED],
    [403, '{"error":"This key may not call datetime"}'],
    [429, '{"error":"Too many requests","retry_after":3600}'],
    [502, '{"error":"Jeedom is out of reach"}'],
    [500, '{"error":"No","code":"key_revoked"}'],
  ];

  const asServices = (lines: readonly Readonly<Record<string, unknown>>[]) =>
    assertEquals(lines.map(({ status, body }) => [status, body]), TEXTS.map((answer) => [...answer]));

  tests.test("ignores the texts of a gateway in answers of a service, once the gateway named itself as a source", () => {
    const responses = TEXTS.map(([status, body]): Respond => (request) => request.reply(body, { status }));
    const first = marked(403, { error: "No", code: "field" });
    return withFakeGateway([first, ...responses], async (gateway) => {
      const [refused, ...lines] = await tests.all(gateway, calls([first, ...responses]), PINNED);
      tests.assertFailure(refused, "refused", { gatewayCode: "field" });
      asServices(lines);
      assertEquals(gateway.requests.length, 1 + responses.length);
    });
  });

  tests.test("detects from the answer to its probe that the gateway names itself as a source", () => {
    const responses = TEXTS.map(([status, body]): Respond => (request) => request.reply(body, { status }));
    return withFakeGateway(responses, async (gateway) => {
      asServices(await tests.all(gateway, calls(responses)));
      assertEquals([gateway.probes.length, gateway.requests.length], [1, responses.length]);
    }, { probes: [marked(403, { error: "Request expired", code: "expired" })] });
  });

  tests.test("ignores them in the first answer as well, if it names its service", () => {
    const responses = TEXTS.map(([status, body]): Respond => (request) =>
      request.reply(body, { status, service: "jeedom" })
    );
    return withFakeGateway(responses, async (gateway) => {
      asServices(await tests.all(gateway, calls(responses), PINNED));
      assertEquals(gateway.requests.length, responses.length);
    });
  });

  tests.test("classifies an event that refuses its subscription by its code, whatever its text", () => {
    const cases = Object.entries(MEANINGS).filter(([code]) => code !== "expired");
    const events = cases.map(([code, meaning]) => error(misleading(meaning), { source: "gateway", code }));
    const unknown = error("Too many streams", { source: "gateway", code: "brand_new" });
    const expired = error("No", { source: "gateway", code: "expired", timestamp: Math.floor(Date.now() / 1000) });
    // Sent again once, as it changes nothing.
    const responses = [...events, unknown, expired, expired].map(endAtOnce);
    return withFakeGateway(responses, async (gateway) => {
      const times = cases.length + 2;
      const lines = await tests.all(gateway, ["subscribe", "0", JSON.stringify({ times }), "#"], PINNED);
      assertEquals([lines.length, gateway.requests.length], [times, responses.length]);
      for (const [index, [gatewayCode, meaning]] of cases.entries()) {
        tests.assertFailure(lines[index], meaning, { status: 0, gatewayCode, isSealed: true });
      }
      tests.assertFailure(lines.at(-2), "refused", { gatewayCode: "brand_new" });
      tests.assertFailure(lines.at(-1), "expired", { gatewayCode: "expired" });
    });
  });

  tests.test("subscribes again after refusals with a temporary code", () => {
    const passing = ["too_slow", "replay", "key_revoked", "busy", "key_rate", "broker", "internal", "restart"];
    const refusals = passing.map((code) => endAtOnce(error("No", { source: "gateway", code })));
    return subscribe([breakOff, ...refusals, stay(1)], { count: 1, version: "2" }, (lines) => {
      assertEquals(received(lines), ["connected", "disconnected", "connected", "1"]);
    });
  });

  tests.test("ends its subscription after a refusal with a permanent code", async () => {
    for (const code of ["scope", "field", "salt_reused"]) {
      const refusal = error("Too slow: a text that older gateways use", { source: "gateway", code });
      await subscribe([breakOff, endAtOnce(refusal)], { version: "2" }, (lines) => {
        assertEquals(received(lines), ["connected", "disconnected"]);
        assertEquals(lines.at(-1)?.["gatewayCode"], code);
      });
    }
  });

  tests.test("waits as long as a refusal asks, at most an hour, and only for a number", () => {
    const headers: readonly (readonly [string, number])[] = [
      ["0", 0],
      ["7", 7],
      ["1.5", 1.5],
      ["0003600", 3600],
      ["3601", 3600],
      ["9".repeat(400), 3600],
      ["-1", 0],
      ["+1", 0],
      ["1e3", 0],
      [".5", 0],
      ["Wed, 21 Oct 2026 07:28:00 GMT", 0],
    ];
    const numbers: readonly (readonly [unknown, number])[] = [
      [0, 0],
      [7, 7],
      [1.5, 1.5],
      [3601, 3600],
      [1e300, 3600],
      [-1, 0],
      ["7", 0],
      [true, 0],
      [[7], 0],
      [null, 0],
    ];
    const plain = headers.flatMap(([text]) =>
      [429, 503].map((status) => refuse(status, "{}", { "Retry-After": text }))
    );
    const sealed = numbers.map(([seconds]) => marked(429, { error: "No", code: "key_rate", "retry_after": seconds }));
    const old = numbers.map(([seconds]): Respond => (request) =>
      request.reply(JSON.stringify({ error: "No", "retry_after": seconds }), { status: 429 })
    );
    // First those of an older gateway.
    const responses = [...old, ...plain, ...sealed];
    const expected = [...numbers, ...headers.flatMap((header) => [header, header]), ...numbers];
    return withFakeGateway(responses, async (gateway) => {
      const lines = await tests.all(gateway, calls(responses), { ...QUICK, ...PINNED });
      // A client that counts whole seconds waits a little longer.
      const waits = lines.map(({ retryAfter }) => Math.ceil(Number(retryAfter)));
      assertEquals(waits, expected.map(([, seconds]) => Math.ceil(seconds)));
    });
  });
}
