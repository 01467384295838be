/** How every client follows Jeedom's events by long polls. */
import { assertEquals, assertGreaterOrEqual, assertMatch } from "@std/assert";
import { type ClientProgram, ClientTests, QUICK } from "./client_program.ts";
import { hangUp, refuse } from "./responses.ts";
import { type Fate, UNOPENED, withFakeGateway } from "./fake_gateway.ts";
import { waits } from "./subscribing.ts";

const event = (datetime: number, value = 1, name = "cmd::update") => ({ datetime, name, option: { cmd_id: 3, value } });

/** Answers as Jeedom does. */
const answer = (result: unknown): Fate => (visit) => visit.reply({ jsonrpc: "2.0", id: 99_999, result });
const refuses = (code: unknown, message = "No"): Fate => (visit) =>
  visit.reply({ jsonrpc: "2.0", id: 99_999, error: { code, message } });
/** As Jeedom answers an address that it has banned. */
const refuse404: Fate = (visit) => visit.reply("<html>Not found</html>", { status: 404 });
const changes = (datetime: number, ...events: readonly unknown[]) => answer({ datetime, result: events });

/** A second of the test is five minutes for the client. */
const FAST_CLOCK = { ...QUICK, CLIENT_MONOTONIC_FACTOR: "300" };

/** Lets more than five minutes of that clock pass first. */
const slowly = (fate: Fate): Fate => async (visit) => {
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await fate(visit);
};

/** Registers the tests of one client. */
export function testEvents(program: ClientProgram): void {
  const tests = new ClientTests(program);

  tests.test("overlaps its polls for Jeedom's events, misses none that is late, and tells each once", () => {
    const [first, second, late, last] = [event(1000.1), event(1002.5), event(1002.1), event(1003)];
    const others = [event(1002.5, 2), event(1002.5, 1, "scenario::update")];
    const fates = [
      // Neither what was there before nor what is no event is told.
      changes(1003, event(989), event(990), null, first, second),
      changes(1003.5, late, second, ...others),
      changes(1010, second, last, late, ...others),
      refuse(401, UNOPENED),
    ];
    return withFakeGateway(fates, async (gateway) => {
      const choices = JSON.stringify({ since: 990, longPolling: 7, filter: "mine" });
      const lines = await tests.all(gateway, ["events", "0", choices]);
      assertEquals(lines.slice(0, 6), [first, second, late, ...others, last]);
      tests.assertFailure(lines.at(-1), "wrong_key");

      const params = gateway.visits.map(({ request }) => request["params"]);
      const asked = [990, 1001, 1001.5, 1008];
      assertEquals(params, asked.map((datetime) => ({ datetime, longPolling: 7, filter: "mine" })));
      for (const { request } of gateway.visits) assertEquals(request["jsonrpc"], "event::changes");
    });
  });

  tests.test("begins with Jeedom's own time, and asks neither in a circle nor for the past when nothing happens", () =>
    withFakeGateway(
      [answer(2000.5), changes(2000.5), changes(2001), changes(2002, event(2001.7))],
      async (gateway) => {
        const reach = { apikey: "secret", endpoint: "/api" };
        const lines = await tests.all(gateway, ["events", "1", JSON.stringify(reach)]);
        assertEquals(lines, [event(2001.7), { end: true }]);
        const [time, first, second, third] = gateway.visits;
        assertEquals(time?.request["jsonrpc"], "datetime");
        for (const { request } of gateway.visits) {
          assertEquals({ apikey: request["apikey"], endpoint: request["endpoint"] }, reach);
        }
        // A Jeedom in which nothing happened may tell the time that it was asked for: that is no step back.
        for (const visit of [first, second, third]) {
          assertEquals(visit?.request["params"], { datetime: 2000.5, longPolling: 50 });
        }
        assertGreaterOrEqual(Number(second?.came) - Number(first?.came), 990);
        assertGreaterOrEqual(Number(third?.came) - Number(second?.came), 990);
      },
    ));

  tests.test("goes on with Jeedom's events after failures that may pass, from the same place", () => {
    const gatewayFails = (status: number, code: string): Fate => (visit) =>
      visit.reply(JSON.stringify({ error: "Jeedom is out of reach", code }), { status, source: "gateway" });
    const texts = ["", "<html>Jeedom starts</html>", '{"jsonrpc":"2.0","resu', null, [], 7, { jsonrpc: "2.0" }];
    const jeedomFails: readonly Fate[] = [
      ...texts.map((body): Fate => (visit) => visit.reply(body)),
      ...[500, 502, 503, 504].map((status): Fate => (visit) => visit.reply("", { status })),
      (visit) => visit.reply("<html>Bad gateway</html>", { status: 502 }),
      refuses(-32000, "MySQL server has gone away"),
      (visit) => visit.reply({ error: "This is no error of JSON-RPC" }),
    ];
    const failing: readonly Fate[] = [
      hangUp,
      refuse(503, "", { "Retry-After": "0" }),
      refuse(429, ""),
      refuse(500, "<html>Proxy</html>"),
      (visit) => visit.reply('{"error":"Jeedom is out of reach"}', { status: 502 }),
      (visit) => visit.reply('{"error":"Too many requests","retry_after":0}', { status: 429 }),
      gatewayFails(502, "service_unreachable"),
      gatewayFails(504, "service_timeout"),
      gatewayFails(502, "service_answer"),
      gatewayFails(500, "internal"),
      gatewayFails(429, "key_rate"),
      gatewayFails(503, "restart"),
      ...jeedomFails,
    ];
    const fates = [changes(1001, event(1000)), ...failing, changes(1002, event(1001.5)), ...failing.slice(0, 1)];
    return withFakeGateway([...fates, changes(1003, event(1002.5))], async (gateway) => {
      const lines = await tests.all(gateway, ["events", "3", '{"since": 900}'], { CLIENT_BACKOFF_FACTOR: "0.001" });
      assertEquals(lines.filter((line) => "datetime" in line), [event(1000), event(1001.5), event(1002.5)]);
      assertEquals(waits(lines), [...failing.keys(), 0]);
      const params = gateway.visits.map(({ request }) => request["params"]);
      const asked = [900, ...Array(1 + failing.length).fill(999), 1000, 1000];
      assertEquals(params.slice(0, asked.length), asked.map((datetime) => ({ datetime, longPolling: 50 })));
    });
  });

  tests.test("waits for Jeedom's time as for its events", () =>
    withFakeGateway(
      [(visit) => visit.reply(""), refuses(-32000), answer(2000.5), changes(2001, event(2000.7))],
      async (gateway) => {
        assertEquals((await tests.all(gateway, ["events", "1", "{}"], QUICK)).at(-1), { end: true });
        const methods = gateway.visits.map(({ request }) => request["jsonrpc"]);
        assertEquals(methods.slice(0, 4), ["datetime", "datetime", "datetime", "event::changes"]);
      },
    ));

  tests.test("tells once what Jeedom tells again, also when a newer event of the same command took its place", () => {
    // Jeedom keeps the newest event of each command, and brings those of the very time that it is asked for.
    const [first, second, same] = [event(1000, 1), event(1001, 2), event(1001, 2)];
    const fates = [
      changes(1000, first),
      changes(1001, first, second),
      changes(1001, same),
      changes(1004, event(1004, 1)),
    ];
    return withFakeGateway(fates, async (gateway) => {
      const lines = await tests.all(gateway, ["events", "3", '{"since": 990}'], QUICK);
      assertEquals(lines, [first, second, event(1004, 1), { end: true }]);
    });
  });

  tests.test("tells of failures that have not passed for five minutes, by the newest one", () =>
    withFakeGateway([changes(1001, event(1000)), hangUp, slowly(refuse(503, ""))], async (gateway) => {
      const lines = await tests.all(gateway, ["events", "0", '{"since": 900}'], FAST_CLOCK);
      assertEquals(lines[0], event(1000));
      tests.assertFailure(lines.at(-1), "unavailable", { status: 503 });
      assertEquals([waits(lines), gateway.visits.length], [[0], 3]);
    }));

  tests.test("counts five minutes of failures anew after a poll that went well", () => {
    const fates = [hangUp, slowly(changes(1001, event(1000))), hangUp, changes(1002, event(1001.5)), hangUp];
    return withFakeGateway([...fates, slowly(hangUp)], async (gateway) => {
      const lines = await tests.all(gateway, ["events", "0", '{"since": 900}'], FAST_CLOCK);
      assertEquals(lines.filter((line) => "datetime" in line), [event(1000), event(1001.5)]);
      tests.assertFailure(lines.at(-1), "unreachable");
      assertEquals([waits(lines), gateway.visits.length], [[0, 0, 0], 6]);
    });
  });

  tests.test("reports a Jeedom that answers without telling its events", async () => {
    const results = [[], null, "ok", { datetime: 1000 }, { datetime: 1000, result: {} }, { result: [] }];
    for (const result of results) {
      await withFakeGateway([answer(result)], async (gateway) => {
        const line = await tests.run(gateway, ["events", "1", '{"since": 900}'], QUICK);
        tests.assertFailure(line, "jeedom", { retryAfter: null });
        assertEquals(gateway.visits.length, 1);
      });
    }
  });

  tests.test("ends with what Jeedom refuses a poll with, and with a key that may not ask", async () => {
    const fates = [1, 2, 500, 601, 701, -32001].map((code) => refuses(code, "Not authorised"));
    for (const fate of [...fates, refuse404]) {
      await withFakeGateway([fate], async (gateway) => {
        const line = await tests.run(gateway, ["events", "1", '{"since": 900}'], QUICK);
        tests.assertFailure(line, "jeedom", { retryAfter: null });
        if (fate !== refuse404) assertMatch(String(line["message"]), /Not authorised/);
        assertEquals(gateway.visits.length, 1);
      });
    }
    const text = '{"error":"This key may not call event::changes"}';
    const old: Fate = (visit) => visit.reply(text, { status: 403 });
    const marked: Fate = (visit) => visit.reply('{"error":"No","code":"scope"}', { status: 403, source: "gateway" });
    for (const scope of [old, marked]) {
      await withFakeGateway([scope], async (gateway) => {
        tests.assertFailure(await tests.run(gateway, ["events", "1", '{"since": 900}'], QUICK), "scope");
        assertEquals(gateway.visits.length, 1);
      });
    }
  });
}
