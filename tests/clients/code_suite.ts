/** How every client tells the gateway's own refusals from the answers of services, and what they mean. */
import { assertEquals } from "@std/assert";
import type { ErrorCode } from "../../src/protocol/error_code.ts";
import { type ClientProgram, ClientTests, type Code, QUICK } from "./client_program.ts";
import { breakOff, endAtOnce, error, refuse, stay } from "./responses.ts";
import { EXPIRED, type Fate, withFakeGateway } from "./fake_gateway.ts";
import { heard, subscribing } from "./subscribing.ts";

/** No probe: it would be the first answer. */
const PINNED = { CLIENT_PROTOCOL: "2" };

/** What each code of the gateway means. */
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
  replay: "refused",
  "salt_reused": "refused",
  "already_executed": "refused",
  "too_slow": "refused",
};

/** A text that an older gateway would mean something else with. */
const misleading = (meaning: Code) => meaning === "scope" ? "Request expired" : "This key may not call datetime";

/** A refusal of a gateway that marks its own answers. */
const marked = (status: number, fields: Readonly<Record<string, unknown>>): Fate => (visit) =>
  visit.reply(JSON.stringify(fields), { status, source: "gateway" });

const calls = (fates: readonly Fate[]) => ["call", ...fates.flatMap(() => ["datetime", "{}"])];

/** Registers the tests of one client. */
export function testCodes(program: ClientProgram): void {
  const tests = new ClientTests(program);

  const subscribe = subscribing(tests);

  tests.test("decides by the code of a refusal, whatever its text says", () => {
    const cases = Object.entries(MEANINGS);
    const fates = cases.map(([code, meaning]) => marked(403, { error: misleading(meaning), code }));
    return withFakeGateway(fates, async (gateway) => {
      const lines = await tests.all(gateway, calls(fates), PINNED);
      assertEquals([lines.length, gateway.visits.length], [cases.length, cases.length]);
      for (const [index, [gatewayCode, meaning]] of cases.entries()) {
        tests.assertFailure(lines[index], meaning, { status: 403, gatewayCode });
      }
    });
  });

  tests.test("decides by the status where a marked refusal has no code, or one that is newer than the client", () => {
    const codes = [{}, { code: "brand_new" }, { code: 7 }];
    const meanings: readonly (readonly [number, Code])[] = [[429, "rate_limit"], [503, "failed"], [403, "refused"]];
    const cases = codes.flatMap((code) => meanings.map(([status, meaning]) => ({ code, status, meaning })));
    const fates = cases.map(({ code, status }) => marked(status, { error: "Request expired", ...code }));
    // What is no JSON object is a refusal nevertheless.
    const strange: Fate = (visit) => visit.reply("[[[", { status: 403, source: "gateway" });
    return withFakeGateway([...fates, strange], async (gateway) => {
      const lines = await tests.all(gateway, calls([...fates, strange]), PINNED);
      for (const [index, { code, status, meaning }] of cases.entries()) {
        tests.assertFailure(lines[index], meaning, {
          status,
          gatewayCode: code.code === "brand_new" ? code.code : null,
        });
      }
      tests.assertFailure(lines.at(-1), "refused", { status: 403, gatewayCode: null });
    });
  });

  tests.test("takes an answer that the gateway marked for a success if its status is 200", () =>
    withFakeGateway([(visit) => visit.reply('{"success":true}', { source: "gateway" })], async (gateway) => {
      const answer = await tests.run(gateway, ["publish", "home/lamp", "on", "1", "false"], PINNED);
      assertEquals([answer["status"], answer["body"]], [200, '{"success":true}']);
    }));

  /** What a service may say in the words of an older gateway. */
  const WORDS: readonly (readonly [number, string])[] = [
    [403, EXPIRED],
    [403, '{"error":"This key may not call datetime"}'],
    [429, '{"error":"Too many requests","retry_after":3600}'],
    [502, '{"error":"Jeedom is out of reach"}'],
    [500, '{"error":"No","code":"key_revoked"}'],
  ];

  const asServices = (lines: readonly Readonly<Record<string, unknown>>[]) =>
    assertEquals(lines.map(({ status, body }) => [status, body]), WORDS.map((answer) => [...answer]));

  tests.test("is fooled by no service that talks like the gateway, once it knows that this one marks its answers", () => {
    const fates = WORDS.map(([status, body]): Fate => (visit) => visit.reply(body, { status }));
    const first = marked(403, { error: "No", code: "field" });
    return withFakeGateway([first, ...fates], async (gateway) => {
      const [refused, ...lines] = await tests.all(gateway, calls([first, ...fates]), PINNED);
      tests.assertFailure(refused, "refused", { gatewayCode: "field" });
      asServices(lines);
      assertEquals(gateway.visits.length, 1 + fates.length);
    });
  });

  tests.test("knows from the answer to its probe that the gateway marks its answers", () => {
    const fates = WORDS.map(([status, body]): Fate => (visit) => visit.reply(body, { status }));
    return withFakeGateway(fates, async (gateway) => {
      asServices(await tests.all(gateway, calls(fates)));
      assertEquals([gateway.probes.length, gateway.visits.length], [1, fates.length]);
    }, { probes: [marked(403, { error: "Request expired", code: "expired" })] });
  });

  tests.test("is not fooled by the first answer that it gets either, if that names its service", () => {
    const fates = WORDS.map(([status, body]): Fate => (visit) => visit.reply(body, { status, service: "jeedom" }));
    return withFakeGateway(fates, async (gateway) => {
      asServices(await tests.all(gateway, calls(fates), PINNED));
      assertEquals(gateway.visits.length, fates.length);
    });
  });

  tests.test("decides by the code of an event that refuses its subscription, whatever its text says", () => {
    const cases = Object.entries(MEANINGS).filter(([code]) => code !== "expired");
    const events = cases.map(([code, meaning]) => error(misleading(meaning), { source: "gateway", code }));
    const unknown = error("Too many streams", { source: "gateway", code: "brand_new" });
    const expired = error("No", { source: "gateway", code: "expired", timestamp: Math.floor(Date.now() / 1000) });
    // Sent anew once, as it switches nothing.
    const fates = [...events, unknown, expired, expired].map(endAtOnce);
    return withFakeGateway(fates, async (gateway) => {
      const times = cases.length + 2;
      const lines = await tests.all(gateway, ["subscribe", "0", JSON.stringify({ times }), "#"], PINNED);
      assertEquals([lines.length, gateway.visits.length], [times, fates.length]);
      for (const [index, [gatewayCode, meaning]] of cases.entries()) {
        tests.assertFailure(lines[index], meaning, { status: 0, gatewayCode });
      }
      tests.assertFailure(lines.at(-2), "refused", { gatewayCode: "brand_new" });
      tests.assertFailure(lines.at(-1), "expired", { gatewayCode: "expired" });
    });
  });

  tests.test("subscribes again after refusals whose code tells that they pass", () => {
    const passing = ["too_slow", "replay", "key_revoked", "busy", "key_rate", "broker", "internal", "restart"];
    const refusals = passing.map((code) => endAtOnce(error("No", { source: "gateway", code })));
    return subscribe([breakOff, ...refusals, stay(1)], { count: 1, version: "2" }, (lines) => {
      assertEquals(heard(lines), ["connected", "disconnected", "connected", "1"]);
    });
  });

  tests.test("ends its subscription with a refusal whose code tells that it does not pass", async () => {
    for (const code of ["scope", "field", "salt_reused"]) {
      const refusal = error("Too slow: a text that older gateways use", { source: "gateway", code });
      await subscribe([breakOff, endAtOnce(refusal)], { version: "2" }, (lines) => {
        assertEquals(heard(lines), ["connected", "disconnected"]);
        assertEquals(lines.at(-1)?.["gatewayCode"], code);
      });
    }
  });

  tests.test("waits for as long as a refusal asks for, but no longer than an hour, and only for a number", () => {
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
    const old = numbers.map(([seconds]): Fate => (visit) =>
      visit.reply(JSON.stringify({ error: "No", "retry_after": seconds }), { status: 429 })
    );
    // First those of an older gateway.
    const fates = [...old, ...plain, ...sealed];
    const expected = [...numbers, ...headers.flatMap((header) => [header, header]), ...numbers];
    return withFakeGateway(fates, async (gateway) => {
      const lines = await tests.all(gateway, calls(fates), { ...QUICK, ...PINNED });
      // A client that counts whole seconds waits a little longer.
      const waits = lines.map(({ retryAfter }) => Math.ceil(Number(retryAfter)));
      assertEquals(waits, expected.map(([, seconds]) => Math.ceil(seconds)));
    });
  });
}
