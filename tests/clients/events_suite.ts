/** Tests of every client: Jeedom's events by long polls. */
import { assertEquals, assertGreaterOrEqual, assertMatch } from "@std/assert";
import { type ClientProgram, ClientTests, QUICK } from "./client_program.ts";
import { closeConnection, refuse } from "./responses.ts";
import { type Respond, UNOPENED, withFakeGateway } from "./tcp_gateway.ts";
import { waits } from "./subscribing.ts";

const event = (datetime: number, value = 1, name = "cmd::update") => ({ datetime, name, option: { cmd_id: 3, value } });

/** Answers as Jeedom does. */
const answer = (result: unknown): Respond => (request) => request.reply({ jsonrpc: "2.0", id: 99_999, result });
const refuses = (code: unknown, message = "No"): Respond => (request) =>
  request.reply({ jsonrpc: "2.0", id: 99_999, error: { code, message } });
/** Jeedom's answer to an address that it has banned. */
const refuse404: Respond = (request) => request.reply("<html>Not found</html>", { status: 404 });
const changes = (datetime: number, ...events: readonly unknown[]) => answer({ datetime, result: events });

/** A second of the test is five minutes for the client. */
const FAST_CLOCK = { ...QUICK, CLIENT_MONOTONIC_FACTOR: "300" };

/** Lets more than five minutes of that clock pass first. */
const slowly = (respond: Respond): Respond => async (request) => {
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await respond(request);
};

/** Registers the tests of one client. */
export function testEvents(program: ClientProgram): void {
  const tests = new ClientTests(program);

  tests.test("overlaps its polls for Jeedom's events, misses no late one, and yields each once", () => {
    const [first, second, late, last] = [event(1000.1), event(1002.5), event(1002.1), event(1003)];
    const others = [event(1002.5, 2), event(1002.5, 1, "scenario::update")];
    const responses = [
      // Neither earlier events nor malformed ones are yielded.
      changes(1003, event(989), event(990), null, first, second),
      changes(1003.5, late, second, ...others),
      changes(1010, second, last, late, ...others),
      refuse(401, UNOPENED),
    ];
    return withFakeGateway(responses, async (gateway) => {
      const choices = JSON.stringify({ since: 990, longPolling: 7, filter: "mine" });
      const lines = await tests.all(gateway, ["events", "0", choices]);
      assertEquals(lines.slice(0, 6), [first, second, late, ...others, last]);
      tests.assertFailure(lines.at(-1), "wrong_key");

      const params = gateway.requests.map(({ fields }) => fields["params"]);
      const asked = [990, 1001, 1001.5, 1008];
      assertEquals(params, asked.map((datetime) => ({ datetime, longPolling: 7, filter: "mine" })));
      for (const { fields } of gateway.requests) assertEquals(fields["jsonrpc"], "event::changes");
    });
  });

  tests.test("begins with Jeedom's own time, and polls neither in a loop nor for the past when there are no events", () =>
    withFakeGateway(
      [answer(2000.5), changes(2000.5), changes(2001), changes(2002, event(2001.7))],
      async (gateway) => {
        const reach = { apikey: "secret", endpoint: "/api" };
        const lines = await tests.all(gateway, ["events", "1", JSON.stringify(reach)]);
        assertEquals(lines, [event(2001.7), { end: true }]);
        const [time, first, second, third] = gateway.requests;
        assertEquals(time?.fields["jsonrpc"], "datetime");
        for (const { fields } of gateway.requests) {
          assertEquals({ apikey: fields["apikey"], endpoint: fields["endpoint"] }, reach);
        }
        // Without events, Jeedom may answer with the time of the request: the polls do not go back.
        for (const request of [first, second, third]) {
          assertEquals(request?.fields["params"], { datetime: 2000.5, longPolling: 50 });
        }
        assertGreaterOrEqual(Number(second?.receivedAt) - Number(first?.receivedAt), 990);
        assertGreaterOrEqual(Number(third?.receivedAt) - Number(second?.receivedAt), 990);
      },
    ));

  tests.test("continues with Jeedom's events after temporary failures, from the same time", () => {
    const gatewayFails = (status: number, code: string): Respond => (request) =>
      request.reply(JSON.stringify({ error: "Jeedom is out of reach", code }), { status, source: "gateway" });
    const texts = ["", "<html>Jeedom starts</html>", '{"jsonrpc":"2.0","resu', null, [], 7, { jsonrpc: "2.0" }];
    const jeedomFails: readonly Respond[] = [
      ...texts.map((body): Respond => (request) => request.reply(body)),
      ...[500, 502, 503, 504].map((status): Respond => (request) => request.reply("", { status })),
      (request) => request.reply("<html>Bad gateway</html>", { status: 502 }),
      refuses(-32000, "MySQL server has gone away"),
      (request) => request.reply({ error: "This is no error of JSON-RPC" }),
    ];
    const failing: readonly Respond[] = [
      closeConnection,
      refuse(503, "", { "Retry-After": "0" }),
      refuse(429, ""),
      refuse(500, "<html>Proxy</html>"),
      (request) => request.reply('{"error":"Jeedom is out of reach"}', { status: 502 }),
      (request) => request.reply('{"error":"Too many requests","retry_after":0}', { status: 429 }),
      gatewayFails(502, "service_unreachable"),
      gatewayFails(504, "service_timeout"),
      gatewayFails(502, "service_answer"),
      gatewayFails(500, "internal"),
      gatewayFails(429, "key_rate"),
      gatewayFails(503, "restart"),
      ...jeedomFails,
    ];
    const responses = [changes(1001, event(1000)), ...failing, changes(1002, event(1001.5)), ...failing.slice(0, 1)];
    return withFakeGateway([...responses, changes(1003, event(1002.5))], async (gateway) => {
      const lines = await tests.all(gateway, ["events", "3", '{"since": 900}'], { CLIENT_BACKOFF_FACTOR: "0.001" });
      assertEquals(lines.filter((line) => "datetime" in line), [event(1000), event(1001.5), event(1002.5)]);
      assertEquals(waits(lines), [...failing.keys(), 0]);
      const params = gateway.requests.map(({ fields }) => fields["params"]);
      const asked = [900, ...Array(1 + failing.length).fill(999), 1000, 1000];
      assertEquals(params.slice(0, asked.length), asked.map((datetime) => ({ datetime, longPolling: 50 })));
    });
  });

  tests.test("retries for Jeedom's time as for its events", () =>
    withFakeGateway(
      [(request) => request.reply(""), refuses(-32000), answer(2000.5), changes(2001, event(2000.7))],
      async (gateway) => {
        assertEquals((await tests.all(gateway, ["events", "1", "{}"], QUICK)).at(-1), { end: true });
        const methods = gateway.requests.map(({ fields }) => fields["jsonrpc"]);
        assertEquals(methods.slice(0, 4), ["datetime", "datetime", "datetime", "event::changes"]);
      },
    ));

  tests.test("yields an event once that Jeedom sends again, also when a newer event of the same command replaced it", () => {
    // Jeedom keeps the newest event of each command, and includes those of the very time of the request.
    const [first, second, same] = [event(1000, 1), event(1001, 2), event(1001, 2)];
    const responses = [
      changes(1000, first),
      changes(1001, first, second),
      changes(1001, same),
      changes(1004, event(1004, 1)),
    ];
    return withFakeGateway(responses, async (gateway) => {
      const lines = await tests.all(gateway, ["events", "3", '{"since": 990}'], QUICK);
      assertEquals(lines, [first, second, event(1004, 1), { end: true }]);
    });
  });

  tests.test("reports failures of five minutes by the newest one", () =>
    withFakeGateway([changes(1001, event(1000)), closeConnection, slowly(refuse(503, ""))], async (gateway) => {
      const lines = await tests.all(gateway, ["events", "0", '{"since": 900}'], FAST_CLOCK);
      assertEquals(lines[0], event(1000));
      tests.assertFailure(lines.at(-1), "unavailable", { status: 503 });
      assertEquals([waits(lines), gateway.requests.length], [[0], 3]);
    }));

  tests.test("restarts the five minutes of failures after a successful poll", () => {
    const responses = [
      closeConnection,
      slowly(changes(1001, event(1000))),
      closeConnection,
      changes(1002, event(1001.5)),
      closeConnection,
    ];
    return withFakeGateway([...responses, slowly(closeConnection)], async (gateway) => {
      const lines = await tests.all(gateway, ["events", "0", '{"since": 900}'], FAST_CLOCK);
      assertEquals(lines.filter((line) => "datetime" in line), [event(1000), event(1001.5)]);
      tests.assertFailure(lines.at(-1), "unreachable");
      assertEquals([waits(lines), gateway.requests.length], [[0, 0, 0], 6]);
    });
  });

  tests.test("reports a Jeedom that answers without events", async () => {
    const results = [[], null, "ok", { datetime: 1000 }, { datetime: 1000, result: {} }, { result: [] }];
    for (const result of results) {
      await withFakeGateway([answer(result)], async (gateway) => {
        const line = await tests.run(gateway, ["events", "1", '{"since": 900}'], QUICK);
        tests.assertFailure(line, "jeedom", { retryAfter: null });
        assertEquals(gateway.requests.length, 1);
      });
    }
  });

  tests.test("ends with Jeedom's refusal of a poll, and with a missing right of the key", async () => {
    const responses = [1, 2, 500, 601, 701, -32001].map((code) => refuses(code, "Not authorised"));
    for (const respond of [...responses, refuse404]) {
      await withFakeGateway([respond], async (gateway) => {
        const line = await tests.run(gateway, ["events", "1", '{"since": 900}'], QUICK);
        tests.assertFailure(line, "jeedom", { retryAfter: null });
        if (respond !== refuse404) assertMatch(String(line["message"]), /Not authorised/);
        assertEquals(gateway.requests.length, 1);
      });
    }
    const text = '{"error":"This key may not call event::changes"}';
    const old: Respond = (request) => request.reply(text, { status: 403 });
    const marked: Respond = (request) =>
      request.reply('{"error":"No","code":"scope"}', { status: 403, source: "gateway" });
    for (const scope of [old, marked]) {
      await withFakeGateway([scope], async (gateway) => {
        tests.assertFailure(await tests.run(gateway, ["events", "1", '{"since": 900}'], QUICK), "scope");
        assertEquals(gateway.requests.length, 1);
      });
    }
  });
}
