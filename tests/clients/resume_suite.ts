/** How every client in another language goes on when a stream ends. */
import { assert, assertEquals, assertGreater, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { freePort } from "../loopback.ts";
import { type GatewayProcess, startGatewayProcess } from "../system/gateway_process.ts";
import { type ClientProgram, ClientTests, type Line } from "./client_program.ts";
import { withCuttingLine } from "./cutting_line.ts";
import { type Fate, message, positionOf, type Visit, withMadeUpGateway } from "./made_up_gateway.ts";

/** Hardly any waiting, but enough for a clock to move on. */
const QUICK = { CLIENT_BACKOFF_FACTOR: "0.01" };

const breakOff: Fate = (visit) => visit.connect();
const hangUp: Fate = () => Promise.resolve();

/** Answers with a status and the words of a gateway, or of a proxy. */
const refuse = (status: number, text = '{"error":"No"}', headers?: Readonly<Record<string, string>>): Fate => (visit) =>
  visit.answer(status, text, headers);

/** Sends messages, then events, and ends the stream as a gateway does. */
const serve = (last: number, ...events: readonly unknown[]): Fate => async (visit) => {
  await visit.serve(last);
  await visit.send(...events);
  await visit.end();
};

/** Sends messages, and leaves the stream open. */
const stay = (last: number): Fate => async (visit) => {
  await visit.serve(last);
  await visit.left();
};

/** Ends a stream before it was connected. */
const endAtOnce = (event: unknown): Fate => async (visit) => {
  await visit.begin();
  await visit.send(event);
  await visit.end();
};

const error = (text: string, fields = {}) => ({ type: "error", message: text, timestamp: 1, ...fields });
const disconnected = (text: string) => ({ type: "disconnected", message: text, timestamp: 1 });

/** The events in short: the numbers of messages, and the types of others. */
const heard = (lines: readonly Line[]) =>
  lines.filter((line) => "type" in line).map((line) => line["payload"] ?? line["type"]);

/** How many tries had been in vain before each wait. */
const waits = (lines: readonly Line[]) => lines.flatMap((line) => "backoff" in line ? [line["backoff"]] : []);

/** A nonce is the first 12 bytes of an envelope. */
const nonces = (visits: readonly Visit[]) => visits.map(({ envelope }) => envelope.slice(0, 16));

/** Registers the tests of one client. */
export function testResume(program: ClientProgram): void {
  const tests = new ClientTests(program);

  /** Subscribes at a made-up gateway until the subscription has ended; all fates must have been met. */
  function subscribe(
    fates: readonly Fate[],
    { count = 0, choices = {} }: { readonly count?: number; readonly choices?: unknown },
    check: (lines: readonly Line[], visits: readonly Visit[]) => void,
  ): Promise<void> {
    return withMadeUpGateway(fates, async (gateway) => {
      const words = ["subscribe", String(count), JSON.stringify(choices), "#"];
      const ended = (line: Line) => "end" in line || "failure" in line;
      const lines = await tests.withClient(
        gateway,
        words,
        (client) => Promise.any([client.line("end"), client.line("failure")]),
        QUICK,
      );
      assertEquals(gateway.visits.length, fates.length, JSON.stringify(lines));
      assertEquals(lines.findIndex(ended), lines.length - 1, JSON.stringify(lines));
      check(lines, gateway.visits);
    });
  }

  tests.test("gets every message once and in order, whatever happens to its streams", () =>
    subscribe(
      [
        async (visit) => {
          await visit.serve(3);
          await visit.piece((await visit.event(message(4))).slice(0, 60));
        },
        refuse(503, '{"error":"Too many requests to remember"}', { "Retry-After": "1" }),
        hangUp,
        async (visit) => {
          await visit.serve(5);
          // All of an event, but for the empty line that ends it.
          await visit.piece((await visit.event(message(6))).slice(0, -1));
          await visit.end();
        },
        serve(7, disconnected("Gateway is shutting down")),
        serve(8, error("Too slow: 262144 bytes wait", { resume: { ...positionOf(8), offset: 85 } })),
        stay(10),
      ],
      { count: 10 },
      (lines, visits) => {
        const first = ["connected", "1", "2", "3", "disconnected", "connected", "4", "5", "disconnected"];
        const second = ["connected", "6", "7", "disconnected", "connected", "8", "error", "connected", "9", "10"];
        assertEquals(heard(lines), [...first, ...second]);
        assertEquals(waits(lines), [0, 1, 2, 0, 0, 0]);

        const tooSlow = { ...positionOf(8), offset: 85 };
        const [three, five, seven] = [positionOf(3), positionOf(5), positionOf(7)];
        assertEquals(visits.map(({ since }) => since), [undefined, three, three, three, five, seven, tooSlow]);
        assertEquals(new Set(nonces(visits)).size, visits.length);
        const stamps = visits.map(({ request }) => Number(request["timestamp"]));
        for (const [index, stamp] of stamps.entries()) assertGreater(stamp, stamps[index - 1] ?? 0);
        const [, refused, next] = visits;
        assertGreaterOrEqual(Number(next?.came) - Number(refused?.answered), 990);

        const told = lines.filter((line) => line["type"] === "disconnected");
        const [broken, cut, shutDown] = told.map((line) => line["message"]);
        assert(typeof broken === "string" && broken !== "");
        assertEquals([cut, shutDown], ["Stream broke off", "Gateway is shutting down"]);
        assert(Math.abs(Number(told[0]?.["timestamp"]) - Date.now() / 1000) < 60);
      },
    ));

  tests.test("waits longer from try to try, by chance, and 30 s at most", () =>
    withMadeUpGateway([], async (gateway) => {
      const tries = [0, 1, 2, 3, 4, 5, 6, 7, 5000, ...Array<number>(20).fill(0)];
      const lines = await tests.withClient(gateway, ["backoff", ...tries.map(String)], () => Promise.resolve());
      assertEquals(waits(lines), tries);
      for (const line of lines) {
        const longest = Math.min(30, 0.5 * 2 ** Number(line["backoff"]));
        assertGreaterOrEqual(Number(line["seconds"]), longest / 2);
        assertLessOrEqual(Number(line["seconds"]), longest);
      }
      assertGreater(new Set(lines.slice(9).map((line) => line["seconds"])).size, 1);
    }));

  tests.test("waits longer while streams bring nothing, and begins anew after a message", () =>
    subscribe([breakOff, breakOff, breakOff, serve(1), breakOff, stay(2)], { count: 2 }, (lines, visits) => {
      assertEquals(waits(lines), [0, 1, 2, 0, 1]);
      assertEquals(heard(lines).filter((event) => event !== "connected" && event !== "disconnected"), ["1", "2"]);
      const [start, one] = [positionOf(0), positionOf(1)];
      assertEquals(visits.map(({ since }) => since), [undefined, start, start, start, one, one]);
    }));

  tests.test("does not tell of tries that fail in passing", () => {
    const failing = [
      hangUp,
      refuse(408),
      refuse(429, '{"error":"Too many requests"}', { "Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT" }),
      refuse(500),
      refuse(502, "<html>Bad gateway</html>"),
      refuse(504, ""),
      refuse(200, "<html>Welcome to the hotel</html>"),
      endAtOnce(error("MQTT error: Broker is out of reach")),
      endAtOnce(error("Too many open streams: close one first")),
      endAtOnce(error("Too slow: too many messages wait for all listeners together")),
      endAtOnce(error("Request expired")),
      endAtOnce(disconnected("Gateway is shutting down")),
    ];
    return subscribe([breakOff, ...failing, stay(1)], { count: 1 }, (lines) => {
      assertEquals(heard(lines), ["connected", "disconnected", "connected", "1"]);
      assertEquals(waits(lines), [...[breakOff, ...failing].keys()]);
    });
  });

  tests.test("goes on after an error, and ends when its next try is refused with status 401", () =>
    subscribe(
      [
        serve(1, error("Key phone was rotated")),
        refuse(401, '{"error":"Decryption failed"}'),
      ],
      {},
      (lines) => {
        assertEquals(heard(lines), ["connected", "1", "error"]);
        assertEquals(lines.at(-1), { failure: program.refusal, status: 401, message: "Decryption failed" });
      },
    ));

  tests.test("ends when the answer to a later try is not sealed with its key", () =>
    subscribe(
      [breakOff, async (visit) => {
        await visit.begin();
        await visit.piece((await visit.event({ type: "connected" })).replace(/: .{4}/, ": AAAA"));
        await visit.left();
      }],
      {},
      (lines) => {
        assertEquals(heard(lines), ["connected", "disconnected"]);
        const message = "Answer does not open with this key";
        assertEquals(lines.at(-1), { failure: program.refusal, status: 502, message });
      },
    ));

  tests.test("ends after an error that refuses a later try for good", () =>
    subscribe([breakOff, endAtOnce(error("This key may not subscribe to #"))], {}, (lines) => {
      assertEquals(heard(lines), ["connected", "disconnected", "error"]);
      assertEquals(lines.at(-1), { end: true });
    }));

  tests.test("ends when its first try fails, whatever the reason", async () => {
    await subscribe([refuse(503, '{"error":"Wait"}', { "Retry-After": "1" })], {}, (lines) => {
      assertEquals(lines, [{ failure: program.refusal, status: 503, message: "Wait" }]);
    });
    await subscribe([hangUp], {}, ([line]) => assertEquals(line?.["status"], null));
    const refused = error("MQTT error: Broker is out of reach");
    await subscribe([endAtOnce(refused)], {}, (lines) => assertEquals(lines, [refused, { end: true }]));
  });

  tests.test("ends at once when it is closed while it waits", () =>
    withMadeUpGateway([breakOff, refuse(503, "", { "Retry-After": "999999999" })], async (gateway) => {
      const lines = await tests.withClient(gateway, ["subscribe", "0", "{}", "#"], async (client) => {
        await client.line("backoff", 1);
        await client.close();
        await client.line("end");
      }, QUICK);
      assertEquals(heard(lines), ["connected", "disconnected"]);
      assertEquals(gateway.visits.length, 2);
    }));

  tests.test("asks at each try to be kept while the broker is away, and tells of that", () => {
    const notices = ["gap", "offline", "online", "gap"].map((type) => ({ type, message: "Why", timestamp: 1 }));
    const choices = { since: positionOf(4), keep: true };
    return subscribe([serve(5, ...notices), stay(6)], { count: 2, choices }, (lines, visits) => {
      const types = notices.map(({ type }) => type);
      assertEquals(heard(lines), ["connected", "5", ...types, "disconnected", "connected", "6"]);
      assertEquals(visits.map(({ since }) => since), [positionOf(4), positionOf(5)]);
      assertEquals(visits.map(({ request }) => request["keep"]), [true, true]);
    });
  });

  tests.test("goes on without a position where the gateway tells none", () =>
    subscribe(
      [
        async (visit) => {
          await visit.begin();
          await visit.send({ type: "connected" }, { type: "message", payload: "1" }, error("Why", { resume: null }));
        },
        stay(1),
      ],
      { count: 2 },
      (lines, visits) => {
        assertEquals(heard(lines), ["connected", "1", "error", "connected", "1"]);
        assertEquals(visits.map(({ since }) => since), [undefined, undefined]);
      },
    ));

  tests.test("ends with its stream when it asked for one only", () =>
    subscribe([serve(1, disconnected("Gateway is shutting down"))], { choices: { resume: false } }, (lines) => {
      assertEquals(heard(lines), ["connected", "1", "disconnected"]);
      assertEquals(lines.at(-1), { end: true });
    }));

  tests.test("misses nothing and hears nothing twice over a line that is cut again and again", async () => {
    const gateway = await startGatewayProcess({ MQTT_BROKER_PORT: String(freePort()) });
    try {
      const numbers = Array.from({ length: 30 }, (_, index) => String(index));
      // Enough for a few messages each time.
      await withCuttingLine({ url: gateway.url, answerBytes: 2000 }, async (url) => {
        const words = ["subscribe", String(numbers.length), "{}", "home/#"];
        const lines = await tests.withClient({ url, key: gateway.key }, words, async (client) => {
          await client.line("type", "connected");
          for (const number of numbers) await gateway.client.publish("home/n", number, { qos: 1 });
          await client.line("end");
        }, QUICK);
        const events = heard(lines);
        assertEquals(events.filter((event) => event !== "connected" && event !== "disconnected"), numbers);
        assertGreater(events.filter((event) => event === "connected").length, 4);
      });
    } finally {
      await gateway.stop();
    }
  });

  tests.test("comes back to a gateway that was restarted", async () => {
    const directory = await Deno.makeTempDir({ prefix: "restarted-" });
    const settings = { PORT: String(freePort()), MQTT_BROKER_PORT: String(freePort()) };
    let gateway: GatewayProcess = await startGatewayProcess(settings, { directory });
    try {
      const lines = await tests.withClient(gateway, ["subscribe", "1", "{}", "home/#"], async (client) => {
        await client.line("type", "connected");
        await gateway.stop();
        await client.line("type", "disconnected");
        gateway = await startGatewayProcess(settings, { directory });
        await gateway.output.line((line) => line.includes("embedded broker runs on"));
        // Retained: it comes whether the client is back already or not.
        await gateway.client.publish("home/mode", "night", { qos: 1, retain: true });
        await client.line("end");
      });
      assertEquals(heard(lines).filter((event) => event !== "gap"), [
        "connected",
        "disconnected",
        "connected",
        "night",
      ]);
    } finally {
      await gateway.stop();
      await Deno.remove(directory, { recursive: true });
    }
  });
}
