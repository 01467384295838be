/** Tests of every client: resuming when a stream ends. */
import { assert, assertEquals, assertGreater, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { freePort } from "../support/loopback.ts";
import { startGatewayProcess, UNLIMITED } from "../support/gateway_process.ts";
import { startToxicProxy } from "../support/toxic_proxy.ts";
import { type ClientProgram, ClientTests, QUICK } from "./client_program.ts";
import { breakOff, closeConnection, disconnected, end, endAtOnce, error, refuse, serve, stay } from "./responses.ts";
import { withFakeGateway } from "./tcp_gateway.ts";
import { received, subscribing, waits } from "./subscribing.ts";
import { message, positionOf } from "./client_request.ts";

/** Registers the tests of one client. */
export function testResume(program: ClientProgram): void {
  const tests = new ClientTests(program);

  const subscribe = subscribing(tests);

  for (const version of ["auto", "1"]) {
    tests.test(`of version ${version} gets every message once and in order, however its streams end`, () =>
      subscribe(
        [
          async (request) => {
            await request.serve(3);
            await request.chunk((await request.event(message(4))).slice(0, 60));
          },
          refuse(503, '{"error":"Too many requests to remember"}', { "Retry-After": "1" }),
          closeConnection,
          async (request) => {
            await request.serve(5);
            // All of an event, but for the empty line that ends it.
            await request.chunk((await request.event(message(6))).slice(0, -1));
            await request.end();
          },
          serve(7, version === "auto" ? end : disconnected("Gateway is shutting down")),
          serve(8, error("Too slow: 262144 bytes wait", { resume: { ...positionOf(8), offset: 85 } })),
          stay(10),
        ],
        { count: 10, version },
        (lines, requests) => {
          const last = version === "auto" ? "end" : "disconnected";
          const first = ["connected", "1", "2", "3", "disconnected", "connected", "4", "5", "disconnected"];
          const second = ["connected", "6", "7", last, "connected", "8", "error", "connected", "9", "10"];
          assertEquals(received(lines), [...first, ...second]);
          assertEquals(waits(lines), [0, 1, 2, 0, 0, 0]);

          const tooSlow = { ...positionOf(8), offset: 85 };
          const [three, five, seven] = [positionOf(3), positionOf(5), positionOf(7)];
          assertEquals(requests.map(({ since }) => since), [undefined, three, three, three, five, seven, tooSlow]);
          assertEquals(new Set(requests.map(({ unique }) => unique)).size, requests.length);
          assertEquals(new Set(requests.map((request) => request.version)), new Set([version === "auto" ? 2 : 1]));
          const stamps = requests.map(({ fields }) => Number(fields["timestamp"]));
          for (const [index, stamp] of stamps.entries()) assertGreater(stamp, stamps[index - 1] ?? 0);
          const [, refused, next] = requests;
          assertGreaterOrEqual(Number(next?.receivedAt) - Number(refused?.answeredAt), 990);

          const reported = lines.filter((line) => line["type"] === "disconnected");
          for (const { message } of reported) assert(typeof message === "string" && message !== "");
          assert(Math.abs(Number(reported[0]?.["timestamp"]) - Date.now() / 1000) < 60);
        },
      ));
  }

  tests.test("waits longer with each retry, with jitter, and 30 s at most", () =>
    withFakeGateway([], async (gateway) => {
      const tries = [0, 1, 2, 3, 4, 5, 6, 7, 5000, ...Array<number>(20).fill(0)];
      const lines = await tests.all(gateway, ["backoff", ...tries.map(String)]);
      assertEquals(waits(lines), tries);
      for (const line of lines) {
        const longest = Math.min(30, 0.5 * 2 ** Number(line["backoff"]));
        assertGreaterOrEqual(Number(line["seconds"]), longest / 2);
        assertLessOrEqual(Number(line["seconds"]), longest);
      }
      assertGreater(new Set(lines.slice(9).map((line) => line["seconds"])).size, 1);
    }));

  tests.test("waits longer while streams bring no message, and starts over after one", () =>
    subscribe([breakOff, breakOff, breakOff, serve(1), breakOff, stay(2)], { count: 2 }, (lines, requests) => {
      assertEquals(waits(lines), [0, 1, 2, 0, 1]);
      assertEquals(received(lines).filter((event) => event !== "connected" && event !== "disconnected"), ["1", "2"]);
      const [start, one] = [positionOf(0), positionOf(1)];
      assertEquals(requests.map(({ since }) => since), [undefined, start, start, start, one, one]);
    }));

  tests.test("does not report temporary failures of retries", () => {
    const failing = [
      closeConnection,
      refuse(408),
      refuse(429, '{"error":"Too many requests"}', { "Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT" }),
      refuse(500),
      refuse(502, "<html>Bad gateway</html>"),
      refuse(504, ""),
      refuse(200, "<html>Welcome to the hotel</html>"),
      endAtOnce(error("MQTT error: Broker is out of reach")),
      endAtOnce(error("Too many open streams: close one first")),
      endAtOnce(error("Too slow: too many messages wait for all listeners together")),
      endAtOnce(disconnected("Connection to the broker was lost")),
      endAtOnce(end),
    ];
    return subscribe([breakOff, ...failing, stay(1)], { count: 1 }, (lines) => {
      assertEquals(received(lines), ["connected", "disconnected", "connected", "1"]);
      assertEquals(waits(lines), [...[breakOff, ...failing].keys()]);
    });
  });

  tests.test("retries later when its time seems wrong although there was a stream before", () => {
    const now = Math.floor(Date.now() / 1000);
    const expired = endAtOnce(error("Request expired", { timestamp: now }));
    // Version 2 sends the request again once before it waits.
    return subscribe([breakOff, expired, expired, stay(1)], { count: 1 }, (lines) => {
      assertEquals(received(lines), ["connected", "disconnected", "connected", "1"]);
      assertEquals(waits(lines), [0, 1]);
    });
  });

  tests.test("asks at each try to be kept while the broker is unreachable, and reports that", () => {
    const notices = ["gap", "offline", "online", "gap"].map((type) => ({ type, message: "Why", timestamp: 1 }));
    const choices = { since: positionOf(4), keep: true };
    return subscribe([serve(5, ...notices), stay(6)], { count: 2, choices }, (lines, requests) => {
      const types = notices.map(({ type }) => type);
      assertEquals(received(lines), ["connected", "5", ...types, "disconnected", "connected", "6"]);
      assertEquals(requests.map(({ since }) => since), [positionOf(4), positionOf(5)]);
      assertEquals(requests.map(({ fields }) => fields["keep"]), [true, true]);
    });
  });

  tests.test("resumes without a position where the gateway sends none", () =>
    subscribe(
      [
        async (request) => {
          await request.begin();
          await request.send({ type: "connected" }, { type: "message", payload: "1" }, error("Why", { resume: null }));
        },
        stay(1),
      ],
      { count: 2 },
      (lines, requests) => {
        assertEquals(received(lines), ["connected", "1", "error", "connected", "1"]);
        assertEquals(requests.map(({ since }) => since), [undefined, undefined]);
      },
    ));

  tests.test("receives every message once over connections that break repeatedly", async () => {
    const gateway = await startGatewayProcess({ ...UNLIMITED, MQTT_BROKER_PORT: String(freePort()) });
    try {
      const numbers = Array.from({ length: 30 }, (_, index) => String(index));
      // Enough for a few messages each time.
      const proxy = await startToxicProxy(Number(new URL(gateway.url).port));
      proxy.set({ closeAfterBytes: 2000 }, "down");
      try {
        const args = ["subscribe", String(numbers.length), "{}", "home/#"];
        const url = `http://127.0.0.1:${proxy.port}`;
        const lines = await tests.withClient({ url, key: gateway.key }, args, async (client) => {
          await client.line("type", "connected");
          for (const number of numbers) await gateway.client.publish("home/n", number, { qos: 1 });
          await client.line("end");
        }, QUICK);
        const events = received(lines);
        assertEquals(events.filter((event) => event !== "connected" && event !== "disconnected"), numbers);
        assertGreater(events.filter((event) => event === "connected").length, 4);
      } finally {
        await proxy.close();
      }
    } finally {
      await gateway.stop();
    }
  });
}
