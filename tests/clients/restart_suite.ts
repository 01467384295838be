/** How every client in another language comes back to a gateway that stops. */
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { freePort } from "../support/loopback.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway_process.ts";
import { type ClientProgram, ClientTests } from "./client_program.ts";
import { end, endAtOnce, hangUp, refuse, serve, stay } from "./responses.ts";
import { heard, subscribing } from "./subscribing.ts";
import { positionOf, type Visit } from "./visit.ts";

/** Timers and clocks round, each in its own way, in milliseconds. */
const ROUNDING_MS = 10;

/** How long after each answer the next request came, in milliseconds. */
const pauses = (visits: readonly Visit[]) =>
  visits.slice(1).map((visit, index) => visit.came - Number(visits[index]?.answered));

/** Registers the tests of one client. */
export function testRestart(program: ClientProgram): void {
  const tests = new ClientTests(program);

  const subscribe = subscribing(tests);

  tests.test("comes back no sooner than a gateway that stops says, and goes on where it was", () =>
    subscribe(
      [
        serve(1, { ...end, retry: 1.3 }),
        refuse(503, '{"error":"Gateway is shutting down"}', { "Retry-After": "1" }),
        endAtOnce({ ...end, retry: 1 }),
        hangUp,
        stay(2),
      ],
      { count: 2 },
      (lines, visits) => {
        assertEquals(heard(lines), ["connected", "1", "end", "connected", "2"]);
        const { type, reason, retry, message } = lines.find((line) => line["type"] === "end") ?? {};
        assertEquals({ type, reason, retry, message, timestamp: 1 }, { ...end, retry: 1.3 });
        for (const [index, ms] of [1300, 1000, 1000].entries()) {
          assertGreaterOrEqual(pauses(visits)[index], ms - ROUNDING_MS);
        }
        const one = positionOf(1);
        assertEquals(visits.map(({ since }) => since), [undefined, one, one, one, one]);
      },
    ));

  tests.test("is kept away by no time that is none, or that is more than an hour", () => {
    // A client that took one of them would be late for the end of the test.
    const strange = [3600.1, 1e300, -1, "3600", [3600], { seconds: 3600 }, null];
    const fates = strange.map((retry) => serve(1, { ...end, retry }));
    return subscribe([...fates, stay(2)], { count: 2 }, (lines) => {
      const later = strange.slice(1).flatMap(() => ["connected", "end"]);
      assertEquals(heard(lines), ["connected", "1", "end", ...later, "connected", "2"]);
    });
  });

  tests.test("comes back to a gateway that was restarted", async () => {
    const directory = await Deno.makeTempDir({ prefix: "restarted-" });
    const settings = { PORT: String(freePort()), MQTT_BROKER_PORT: String(freePort()) };
    let gateway: GatewayProcess = await startGatewayProcess(settings, { directory });
    try {
      const lines = await tests.withClient(gateway, ["subscribe", "1", "{}", "home/#"], async (client) => {
        await client.line("type", "connected");
        await gateway.stop();
        await client.line("type", "end");
        gateway = await startGatewayProcess(settings, { directory });
        await gateway.output.line((line) => line.includes("embedded broker runs on"));
        // Retained: it comes whether the client is back already or not.
        await gateway.client.publish("home/mode", "night", { qos: 1, retain: true });
        await client.line("end");
      });
      assertEquals(heard(lines).filter((event) => event !== "gap"), [
        "connected",
        "end",
        "connected",
        "night",
      ]);
    } finally {
      await gateway.stop();
      await Deno.remove(directory, { recursive: true });
    }
  });
}
