/**
 * What every client in another language must do, against the real gateway and against a made-up one whose bytes the
 * test decides.
 */
import { assert, assertEquals } from "@std/assert";
import { connectAsync } from "mqtt";
import { VERSION } from "../../src/version.ts";
import { within } from "../deadline.ts";
import { freePort } from "../loopback.ts";
import { type GatewayProcess, startGatewayProcess } from "../system/gateway_process.ts";
import { type JeedomServer, startJeedom } from "../system/jeedom_server.ts";
import { type ClientProgram, ClientTests } from "./client_program.ts";
import { withMadeUpGateway } from "./made_up_gateway.ts";
import { testResume } from "./resume_suite.ts";

/** A gateway with its embedded broker, and a simulated Jeedom. */
export interface World {
  readonly gateway: GatewayProcess;
  readonly jeedom: JeedomServer;
  readonly brokerPort: number;
}

/** Runs a test in a world of its own. */
export async function inWorld(test: (world: World) => Promise<void>): Promise<void> {
  const jeedom = startJeedom();
  const gateway = await startGatewayProcess({
    JEEDOM_URL: jeedom.url,
    JEEDOM_APIKEY: jeedom.apikey,
    MQTT_BROKER_PORT: String(freePort()),
  });
  try {
    const { port } = JSON.parse(await gateway.output.line((line) => line.includes("embedded broker runs on")));
    await within("the test", test({ gateway, jeedom, brokerPort: port }), 60_000);
  } finally {
    await gateway.stop();
    await jeedom.stop();
  }
}

/** One stream, and not another after it. */
const ONCE = '{"resume": false}';

const OTHER_KEY = "0123456789abcdef".repeat(4);

/** Registers the tests of one client. */
export function testClient(program: ClientProgram): void {
  const tests = new ClientTests(program);

  tests.test("calls a method of Jeedom with parameters", () =>
    inWorld(async ({ gateway }) => {
      const { status, body, timestamp } = await tests.run(gateway, ["call", "cmd::byId", '{"id": 3}']);
      assertEquals(status, 200);
      assertEquals(body, {
        jsonrpc: "2.0",
        id: 99_999,
        result: { id: 3, name: "Light", eqLogic_id: 1, currentValue: 0 },
      });
      assert(Math.abs(Number(timestamp) - Date.now() / 1000) < 60);
    }));

  tests.test("asks for the gateway's health", () =>
    inWorld(async ({ gateway }) => {
      assertEquals(await tests.run(gateway, ["health"]), { status: "ok", version: VERSION });
    }));

  tests.test("with another key is refused with status 401", () =>
    inWorld(async ({ gateway: { url }, jeedom }) => {
      const refused = { failure: program.refusal, status: 401, message: "Decryption failed" };
      assertEquals(await tests.run({ url, key: OTHER_KEY }, ["call", "datetime", "{}"]), refused);
      assertEquals(await tests.run({ url, key: OTHER_KEY }, ["subscribe", "0", "{}", "home/#"]), refused);
      assertEquals(jeedom.requests.length, 0);
    }));

  tests.test("whose clock is wrong is told so with status 403 and the right time", () =>
    inWorld(async ({ gateway, jeedom }) => {
      const late = { CLIENT_CLOCK_OFFSET: "-3600" };
      const answer = await tests.run(gateway, ["call", "datetime", "{}"], late);
      assertEquals([answer["status"], answer["body"]], [403, '{"error":"Request expired"}']);
      assert(Math.abs(Number(answer["timestamp"]) - Date.now() / 1000) < 60);
      await tests.withClient(gateway, ["subscribe", "0", "{}", "home/#"], async (client) => {
        const { message } = await client.line("type", "error");
        assertEquals(message, "Request expired");
        await client.line("end");
      }, late);
      assertEquals(jeedom.requests.length, 0);
    }));

  tests.test("refuses a key that is not 64 hexadecimal characters", async () => {
    const { failure, message } = await tests.run({ url: "http://127.0.0.1:9", key: "secret" }, [
      "call",
      "datetime",
      "{}",
    ]);
    assertEquals([failure, message], [program.badArgument, "Key must be 64 hexadecimal characters"]);
  });

  tests.test("publishes and receives its own message", () =>
    inWorld(async ({ gateway }) => {
      await tests.withClient(gateway, ["subscribe", "1", "{}", "home/lamp"], async (client) => {
        const connected = await client.line("type", "connected");
        assertEquals(connected["topics"], ["home/lamp"]);
        const answer = await tests.run(gateway, ["publish", "home/lamp", "on ☀", "1", "false"]);
        assertEquals(answer["status"], 200);
        assertEquals(JSON.parse(String(answer["body"]))["success"], true);
        const { topic, payload, qos, retain } = await client.line("type", "message");
        assertEquals([topic, payload, qos, retain], ["home/lamp", "on ☀", 1, false]);
        await client.line("end");
      });
    }));

  tests.test("receives a message that was retained at QoS 1 before it subscribed", () =>
    inWorld(async ({ gateway }) => {
      assertEquals((await tests.run(gateway, ["publish", "home/mode", "night", "1", "true"]))["status"], 200);
      await tests.withClient(gateway, ["subscribe", "1", "{}", "home/mode"], async (client) => {
        const { payload, retain } = await client.line("type", "message");
        assertEquals([payload, retain], ["night", true]);
        await client.line("end");
      });
    }));

  tests.test("receives through a wildcard what matches it, and nothing else", () =>
    inWorld(async ({ gateway }) => {
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
    inWorld(async ({ gateway, brokerPort }) => {
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

  tests.test("that asked for one stream hears its end when the gateway stops", () =>
    inWorld(async ({ gateway }) => {
      await tests.withClient(gateway, ["subscribe", "0", ONCE, "home/#"], async (client) => {
        await client.line("type", "connected");
        Deno.kill(gateway.pid, "SIGTERM");
        const { message } = await client.line("type", "disconnected");
        assertEquals(message, "Gateway is shutting down");
        await client.line("end");
      });
    }));

  tests.test("that asked for one stream reports a gateway that dies during it", () =>
    inWorld(async ({ gateway }) => {
      await tests.withClient(gateway, ["subscribe", "0", ONCE, "home/#"], async (client) => {
        await client.line("type", "connected");
        Deno.kill(gateway.pid, "SIGKILL");
        const { status } = await client.line("failure");
        assertEquals(status, null);
        assertEquals(client.lines.length, 2);
      });
    }));

  tests.test("reads events that arrive in pieces between comments, and closes the connection when it has enough", () => {
    const left = Promise.withResolvers<void>();
    return withMadeUpGateway([async (visit) => {
      const connected = await visit.event({ type: "connected", topics: ["#"] });
      const message = await visit.event({ type: "message", topic: "home/é", payload: "é".repeat(9000) });
      const crlf = message.replace("data: ", "id: 7\ndata:").replaceAll("\n", "\r\n");
      const text = `: hello\n\n${connected}: keepalive\n\n${crlf}: more\n\n`;
      await visit.begin();
      for (const piece of text.match(/[^]{1,700}|\n/g) ?? []) await visit.piece(piece);
      await visit.left();
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

  tests.test("that asked for one stream reports one that ends without saying why", () =>
    withMadeUpGateway([async (visit) => {
      await visit.connect();
      await visit.piece("data: AAAA");
      await visit.end();
    }], async (gateway) => {
      await tests.withClient(gateway, ["subscribe", "0", ONCE, "#"], async (client) => {
        const { failure, message } = await client.line("failure");
        assertEquals([failure, message], [program.brokenStream, "Stream broke off"]);
      });
      assertEquals(gateway.visits.length, 1);
    }));

  tests.test("refuses an event that its key does not open", () => {
    const left = Promise.withResolvers<void>();
    return withMadeUpGateway([async (visit) => {
      await visit.connect();
      await visit.piece((await visit.event({ type: "connected" })).replace(/: .{4}/, ": AAAA"));
      await visit.left();
      left.resolve();
    }], async (gateway) => {
      await tests.withClient(gateway, ["subscribe", "0", "{}", "#"], async (client) => {
        const { failure, status, message } = await client.line("failure");
        assertEquals([failure, status], [program.refusal, 502]);
        assertEquals(message, "Answer does not open with this key");
        await within("the client closes its connection", left.promise);
      });
    });
  });

  tests.test("refuses an answer that is not an envelope", () =>
    withMadeUpGateway([(visit) => visit.answer(200, "<html>Welcome to the hotel</html>")], async (gateway) => {
      const { failure, status, message } = await tests.run(gateway, ["call", "datetime", "{}"]);
      assertEquals([failure, status, message], [program.refusal, 502, "Answer is not an envelope"]);
    }));

  testResume(program);
}
