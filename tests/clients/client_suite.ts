/**
 * Tests of every client, against the real gateway and against a fake one whose bytes the test decides.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { connectAsync } from "mqtt";
import { VERSION } from "../../src/version.ts";
import { within } from "../support/deadline.ts";
import { withEmbeddedBroker } from "../support/environment.ts";
import { testAnswers } from "./answer_suite.ts";
import { testAttacks } from "./attack_suite.ts";
import { testBatches } from "./batch_suite.ts";
import { testBounds } from "./bounds_suite.ts";
import { type ClientProgram, ClientTests } from "./client_program.ts";
import { testCodes } from "./code_suite.ts";
import { testEvents } from "./events_suite.ts";
import { withFakeGateway } from "./tcp_gateway.ts";
import { testPairing } from "./pairing_suite.ts";
import { testRestart } from "./restart_suite.ts";
import { testResumeEnd } from "./resume_end_suite.ts";
import { testResume } from "./resume_suite.ts";
import { testServices } from "./service_suite.ts";
import { testVersions } from "./version_suite.ts";

/** One stream without resuming. */
const ONCE = '{"resume": false}';

const OTHER_KEY = "0123456789abcdef".repeat(4);

const VECTORS = new URL("../testdata/vectors.json", import.meta.url);

/** Request that no gateway receives. */
const NOWHERE = { url: "http://127.0.0.1:9", key: OTHER_KEY };

/** Counts the entries of all lists, not those within entries. */
function countEntries(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce<number>((sum, part) => sum + countEntries(part), 0);
}

/** Registers the tests of one client. */
export function testClient(program: ClientProgram): void {
  const tests = new ClientTests(program);

  tests.test("agrees with all test vectors", async () => {
    const expected = countEntries(JSON.parse(await Deno.readTextFile(VECTORS)));
    assertEquals(await tests.run(NOWHERE, ["vectors", VECTORS.pathname]), { vectors: expected });
  });

  for (const version of ["auto", "1"]) {
    tests.test(`of version ${version} calls methods of Jeedom, publishes, and receives its own message`, () =>
      withEmbeddedBroker(async ({ gateway }) => {
        const env = { CLIENT_PROTOCOL: version };
        const args = ["call", "cmd::byId", '{"id": 3}', "no::such method", "{}", "no::such", "{}"];
        const [light, refused, unknown] = await tests.all(gateway, args, env);
        assertEquals(light?.["status"], 200);
        const { jsonrpc, id, result } = JSON.parse(JSON.stringify(light?.["body"]));
        assertEquals([jsonrpc, id], ["2.0", 99_999]);
        assertEquals([result.id, result.name, result["eqLogic_id"], result.currentValue], [3, "Light", 2, 0]);
        assert(Math.abs(Number(light?.["timestamp"]) - Date.now() / 1000) < 60);
        tests.assertFailure(refused, "refused", { status: 403 });
        assertMatch(String(refused?.["message"]), /jsonrpc/);
        // An error of Jeedom is an answer, too.
        assertEquals(unknown?.["status"], 200);

        await tests.withClient(gateway, ["subscribe", "1", "{}", "home/lamp"], async (client) => {
          const connected = await client.line("type", "connected");
          assertEquals(connected["topics"], ["home/lamp"]);
          const answer = await tests.run(gateway, ["publish", "home/lamp", "on ☀", "1", "false"], env);
          assertEquals(answer["status"], 200);
          assertEquals(JSON.parse(String(answer["body"]))["success"], true);
          const { topic, payload, qos, retain } = await client.line("type", "message");
          assertEquals([topic, payload, qos, retain], ["home/lamp", "on ☀", 1, false]);
          await client.line("end");
        }, env);
      }));
  }

  tests.test("with another key gets the gateway's health, is refused otherwise, and names the key", () =>
    withEmbeddedBroker(async ({ gateway: { url }, jeedom }) => {
      const target = { url, key: OTHER_KEY };
      const env = { CLIENT_KEY_NAME: "annas-phone" };
      assertEquals(await tests.run(target, ["health"], env), { status: "ok", version: VERSION });
      for (const args of [["call", "datetime", "{}"], ["subscribe", "0", "{}", "home/#"]]) {
        const line = await tests.run(target, args, env);
        tests.assertFailure(line, "wrong_key", { status: 401, retryAfter: null });
        assertMatch(String(line["message"]), /key "?annas-phone/);
      }
      assertEquals(jeedom.requests.length, 0);
    }));

  tests.test("with another key costs its address one failed attempt for each try", () =>
    withEmbeddedBroker(async ({ gateway: { url, metricsUrl } }) => {
      const lines = await tests.all({ url, key: OTHER_KEY }, [
        "call",
        "datetime",
        "{}",
        "datetime",
        "{}",
        "datetime",
        "{}",
      ]);
      for (const line of lines) tests.assertFailure(line, "wrong_key", { status: 401 });
      const metrics = await (await fetch(`${metricsUrl}/metrics`)).text();
      assertEquals(/^e2e_gateway_refusals_total\{reason="envelope"\} (\d+)/m.exec(metrics)?.[1], "3");
    }));

  tests.test("refuses a key that is not 64 hexadecimal characters", async () => {
    const { failure, message } = await tests.run({ ...NOWHERE, key: "secret" }, ["call", "datetime", "{}"]);
    assertEquals([failure, message], [program.badArgument, "Key must be 64 hexadecimal characters"]);
  });

  tests.test("receives a message that was retained at QoS 1 before it subscribed", () =>
    withEmbeddedBroker(async ({ gateway }) => {
      assertEquals((await tests.run(gateway, ["publish", "home/mode", "night", "1", "true"]))["status"], 200);
      await tests.withClient(gateway, ["subscribe", "1", "{}", "home/mode"], async (client) => {
        const { payload, retain } = await client.line("type", "message");
        assertEquals([payload, retain], ["night", true]);
        await client.line("end");
      });
    }));

  tests.test("receives through a wildcard only matching messages", () =>
    withEmbeddedBroker(async ({ gateway }) => {
      await tests.withClient(gateway, ["subscribe", "2", "{}", "home/+/temperature", "garden/#"], async (client) => {
        await client.line("type", "connected");
        for (const topic of ["home/attic/humidity", "home/attic/temperature", "home/temperature", "garden/a/b"]) {
          await gateway.client.publish(topic, "20", { qos: 1 });
        }
        await client.line("end");
        const messages = client.lines.filter((line) => line["type"] === "message");
        assertEquals(messages.map((line) => line["topic"]), ["home/attic/temperature", "garden/a/b"]);
      });
    }));

  tests.test("receives a payload that is not UTF-8 in base64", () =>
    withEmbeddedBroker(async ({ gateway, brokerPort }) => {
      const bytes = Uint8Array.of(0xff, 0xfe, 0x00, 0x80);
      await tests.withClient(gateway, ["subscribe", "1", "{}", "home/camera"], async (client) => {
        await client.line("type", "connected");
        const broker = await connectAsync(`mqtt://127.0.0.1:${brokerPort}`, { reconnectPeriod: 0 });
        await broker.publishAsync("home/camera", Uint8Array.from(bytes) as Parameters<typeof broker.publishAsync>[1], {
          qos: 1,
        });
        await broker.endAsync();
        const message = await client.line("type", "message");
        assertEquals([message["payload"], message["payload_b64"]], [null, bytes.toBase64()]);
        await client.line("end");
      });
    }));

  tests.test("publishes bytes and receives them unchanged, and reports the code of a refusal", () =>
    withEmbeddedBroker(async ({ gateway }) => {
      const bytes = Uint8Array.of(0xff, 0x00, 0x0a, 0x80).toBase64();
      await tests.withClient(gateway, ["subscribe", "1", "{}", "home/camera"], async (client) => {
        await client.line("type", "connected");
        const published = await tests.run(gateway, ["publish", "home/camera", bytes, "1", "false", "base64"]);
        assertEquals(published["status"], 200);
        const message = await client.line("type", "message");
        assertEquals([message["payload"], message["payload_b64"]], [null, bytes]);
        await client.line("end");
      });
      const refused = await tests.run(gateway, ["call", "no::such method", "{}"], { CLIENT_PROTOCOL: "2" });
      tests.assertFailure(refused, "refused", { status: 403, gatewayCode: "field" });
    }));

  tests.test("that asked for one stream gets its end when the gateway stops", () =>
    withEmbeddedBroker(async ({ gateway }) => {
      await tests.withClient(gateway, ["subscribe", "0", ONCE, "home/#"], async (client) => {
        await client.line("type", "connected");
        Deno.kill(gateway.pid, "SIGTERM");
        const { message, reason } = await client.line("type", "end");
        assertEquals([message, reason], ["Gateway is shutting down", "restart"]);
        await client.line("end");
      });
    }));

  tests.test("that asked for one stream reports a gateway that is killed during it", () =>
    withEmbeddedBroker(async ({ gateway }) => {
      await tests.withClient(gateway, ["subscribe", "0", ONCE, "home/#"], async (client) => {
        await client.line("type", "connected");
        Deno.kill(gateway.pid, "SIGKILL");
        tests.assertFailure(await client.line("failure"), "truncated", { retryAfter: 0 });
        assertEquals(client.lines.length, 2);
      });
    }));

  tests.test("receives Jeedom's events, each once", () =>
    withEmbeddedBroker(async ({ gateway, jeedom }) => {
      const since = Date.now() / 1000;
      jeedom.home.set(2, 1);
      const choices = JSON.stringify({ since: since - 1, longPolling: 2 });
      const lines = await tests.withClient(gateway, ["events", "3", choices], async (client) => {
        await client.line("datetime");
        // Jeedom keeps only the newest change of each command.
        jeedom.home.set(3, 1);
        jeedom.home.set(1, 21.5);
        jeedom.home.set(3, 0);
        await client.line("end");
      });
      const option = lines.slice(0, -1).map((line) => line["option"]);
      assertEquals(option, [[2, 1], [1, 21.5], [3, 0]].map(([id, value]) => ({ cmd_id: id, value })));
    }));

  tests.test("reads events in chunks between comments, and closes the connection when it is closed", () => {
    const left = Promise.withResolvers<void>();
    return withFakeGateway([async (request) => {
      await request.begin();
      const connected = await request.event({ type: "connected", topics: ["#"] });
      const message = await request.event({ type: "message", topic: "home/é", payload: "é".repeat(9000) });
      const crlf = message.replace("data: ", "retry: 7\ndata:").replaceAll("\n", "\r\n");
      const text = `: hello\n\n${connected}: keepalive\n\n${crlf}: more\n\n`;
      for (const piece of text.match(/[^]{1,700}|\n/g) ?? []) await request.chunk(piece);
      await request.closed();
      left.resolve();
    }], async (gateway) => {
      await tests.withClient(gateway, ["subscribe", "1", "{}", "#"], async (client) => {
        await client.line("end");
        const [connected, message] = client.lines;
        assertEquals(connected?.["type"], "connected");
        assertEquals([message?.["topic"], message?.["payload"]], ["home/é", "é".repeat(9000)]);
        await within("the client closes its connection", left.promise);
      });
    });
  });

  testPairing(program);
  testVersions(program);
  testCodes(program);
  testAnswers(program);
  testAttacks(program);
  testBounds(program);
  testEvents(program);
  testServices(program);
  testBatches(program);
  testResume(program);
  testResumeEnd(program);
  testRestart(program);
}
