/** How every client follows Jeedom's events by long polls. */
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { type ClientProgram, ClientTests, QUICK } from "./client_program.ts";
import { hangUp, refuse } from "./fates.ts";
import { type Fate, UNOPENED, withMadeUpGateway } from "./made_up_gateway.ts";
import { waits } from "./subscribing.ts";

const event = (datetime: number, value = 1, name = "cmd::update") => ({ datetime, name, option: { cmd_id: 3, value } });

/** Answers as Jeedom does. */
const answer = (result: unknown): Fate => (visit) => visit.reply({ jsonrpc: "2.0", id: 99_999, result });
const changes = (datetime: number, ...events: readonly unknown[]) => answer({ datetime, result: events });

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
    return withMadeUpGateway(fates, async (gateway) => {
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
    withMadeUpGateway(
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
    const failing: readonly Fate[] = [
      hangUp,
      refuse(503, "", { "Retry-After": "0" }),
      refuse(429, ""),
      (visit) => visit.reply('{"error":"Jeedom is out of reach"}', { status: 502 }),
      (visit) => visit.reply('{"error":"Too many requests","retry_after":0}', { status: 429 }),
    ];
    const fates = [changes(1001, event(1000)), ...failing, changes(1002, event(1001.5)), ...failing.slice(0, 1)];
    return withMadeUpGateway([...fates, changes(1003, event(1002.5))], async (gateway) => {
      const lines = await tests.all(gateway, ["events", "3", '{"since": 900}'], QUICK);
      assertEquals(lines.filter((line) => "datetime" in line), [event(1000), event(1001.5), event(1002.5)]);
      assertEquals(waits(lines), [...failing.keys(), 0]);
      const params = gateway.visits.map(({ request }) => request["params"]);
      const asked = [900, ...Array(6).fill(999), 1000, 1000];
      assertEquals(params.slice(0, 9), asked.map((datetime) => ({ datetime, longPolling: 50 })));
    });
  });

  tests.test("reports a Jeedom that answers without telling its events", async () => {
    const results = [[], { datetime: 1000 }, { datetime: 1000, result: {} }, { result: [] }];
    const answers = ["", { jsonrpc: "2.0" }, ...results.map((result) => ({ result }))];
    for (const body of answers) {
      await withMadeUpGateway([(visit) => visit.reply(body)], async (gateway) => {
        const line = await tests.run(gateway, ["events", "1", '{"since": 900}'], QUICK);
        tests.assertFailure(line, "jeedom", { retryAfter: null });
        assertEquals(gateway.visits.length, 1);
      });
    }
  });

  tests.test("reports an error that Jeedom answers a poll with, and a key that may not ask", async () => {
    const error: Fate = (visit) =>
      visit.reply({ jsonrpc: "2.0", id: 99_999, error: { code: 2, message: "Not authorised" } });
    await withMadeUpGateway([error], async (gateway) => {
      const line = await tests.run(gateway, ["events", "1", '{"since": 900}'], QUICK);
      tests.assertFailure(line, "jeedom", { retryAfter: null });
      assertEquals([String(line["message"]).includes("Not authorised"), gateway.visits.length], [true, 1]);
    });
    const scope: Fate = (visit) => visit.reply('{"error":"This key may not call event::changes"}', { status: 403 });
    await withMadeUpGateway([scope], async (gateway) => {
      tests.assertFailure(await tests.run(gateway, ["events", "1", '{"since": 900}'], QUICK), "scope");
      assertEquals(gateway.visits.length, 1);
    });
  });
}
