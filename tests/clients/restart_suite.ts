/** Tests of every client: reconnecting to a gateway that stops. */
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { freePort } from "../support/loopback.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway_process.ts";
import { type ClientProgram, ClientTests } from "./client_program.ts";
import { closeConnection, end, endAtOnce, refuse, serve, stay } from "./responses.ts";
import { received, subscribing } from "./subscribing.ts";
import { type ClientRequest, positionOf } from "./client_request.ts";

/** Tolerance for rounding of timers and clocks, in milliseconds. */
const ROUNDING_MS = 10;

/** Returns the waits between each answer and the next request, in milliseconds. */
const pauses = (requests: readonly ClientRequest[]) =>
  requests.slice(1).map((request, index) => request.receivedAt - Number(requests[index]?.answeredAt));

/** Registers the tests of one client. */
export function testRestart(program: ClientProgram): void {
  const tests = new ClientTests(program);

  const subscribe = subscribing(tests);

  tests.test("reconnects no sooner than a stopping gateway asks, and resumes", () =>
    subscribe(
      [
        serve(1, { ...end, retry: 1.3 }),
        refuse(503, '{"error":"Gateway is shutting down"}', { "Retry-After": "1" }),
        endAtOnce({ ...end, retry: 1 }),
        closeConnection,
        stay(2),
      ],
      { count: 2 },
      (lines, requests) => {
        assertEquals(received(lines), ["connected", "1", "end", "connected", "2"]);
        const { type, reason, retry, message } = lines.find((line) => line["type"] === "end") ?? {};
        assertEquals({ type, reason, retry, message, timestamp: 1 }, { ...end, retry: 1.3 });
        for (const [index, ms] of [1300, 1000, 1000].entries()) {
          assertGreaterOrEqual(pauses(requests)[index], ms - ROUNDING_MS);
        }
        const one = positionOf(1);
        assertEquals(requests.map(({ since }) => since), [undefined, one, one, one, one]);
      },
    ));

  tests.test("ignores a malformed wait, and one of more than an hour", () => {
    // A client that obeyed one of them would not reconnect before the end of the test.
    const unsupported = [3600.1, 1e300, -1, "3600", [3600], { seconds: 3600 }, null];
    const responses = unsupported.map((retry) => serve(1, { ...end, retry }));
    return subscribe([...responses, stay(2)], { count: 2 }, (lines) => {
      const later = unsupported.slice(1).flatMap(() => ["connected", "end"]);
      assertEquals(received(lines), ["connected", "1", "end", ...later, "connected", "2"]);
    });
  });

  tests.test("reconnects to a gateway that was restarted", async () => {
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
        // Retained: it comes whether or not the client has reconnected.
        await gateway.client.publish("home/mode", "night", { qos: 1, retain: true });
        await client.line("end");
      });
      assertEquals(received(lines).filter((event) => event !== "gap"), [
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
