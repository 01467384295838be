/**
 * What every client in another language must do, against the real gateway and against a made-up one whose bytes the
 * test decides. Each client has a driver with the same command line, which prints its results as JSON, a line each:
 *
 *     driver URL KEY health | call METHOD JSON | publish TOPIC MESSAGE QOS RETAIN | subscribe COUNT FILTER...
 *
 * After COUNT messages (0: never) it closes the subscription. It ends when its standard input does.
 */
import { assert, assertEquals } from "@std/assert";
import { connectAsync } from "mqtt";
import { importKey, openEnvelope, parseEnvelope, randomBytes, sealEnvelope } from "../../src/protocol/envelope.ts";
import { VERSION } from "../../src/version.ts";
import { within } from "../deadline.ts";
import { freePort } from "../loopback.ts";
import { type GatewayProcess, startGatewayProcess } from "../system/gateway_process.ts";
import { type JeedomServer, startJeedom } from "../system/jeedom_server.ts";
import { ProcessOutput } from "../system/process_output.ts";

/** A driver, and how its language names things. */
export interface ClientProgram {
  readonly language: string;
  /** Whether something that the driver needs is missing here. */
  readonly ignore: boolean;
  /** Tells how to run the driver. */
  readonly command: () => {
    readonly path: string;
    readonly args: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  };
  /** Name of the error for whatever the gateway refuses. */
  readonly refusal: string;
  /** Name of the error for a key that is none. */
  readonly badArgument: string;
  /** Name of the error for a stream that breaks off. */
  readonly brokenStream: string;
}

/** Where a client shall connect to, and with which key. */
interface Place {
  readonly url: string;
  readonly key: string;
}

type Line = Readonly<Record<string, unknown>>;

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

/** A running driver. */
class Client {
  readonly #child: Deno.ChildProcess;
  readonly #output: ProcessOutput;

  constructor(program: ClientProgram, place: Place, words: readonly string[], env: Readonly<Record<string, string>>) {
    const command = program.command();
    this.#child = new Deno.Command(command.path, {
      args: [...command.args, place.url, place.key, ...words],
      env: { ...command.env, ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#output = new ProcessOutput(this.#child);
  }

  get lines(): Line[] {
    return this.#output.lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  }

  /** Waits for a line with a field of that name, and that value if one is given. */
  async line(name: string, value?: unknown): Promise<Line> {
    const text = await this.#output.line((line) => {
      if (!line.startsWith("{")) return false;
      const found: unknown = JSON.parse(line)[name];
      return value === undefined ? found !== undefined : found === value;
    });
    return JSON.parse(text);
  }

  /** Lets the driver end, and fails if it does not end well. */
  async finish(): Promise<void> {
    await this.#child.stdin.close();
    const { code } = await this.#child.status;
    await this.#output.ended;
    assertEquals(code, 0, this.#output.text);
  }

  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It ended by itself.
    }
    await this.#child.stdin.close().catch(() => {});
    await this.#child.status;
    await this.#output.ended;
  }
}

/** A gateway that sends every listener the same pieces, and then ends the body or leaves it open. */
async function inMadeUpWorld(
  pieces: (seal: (value: unknown) => Promise<string>) => Promise<readonly string[]>,
  end: "ends" | "stays open",
  test: (place: Place, left: Promise<void>) => Promise<void>,
): Promise<void> {
  const secret = randomBytes(32);
  const key = await importKey(secret);
  const seal = (value: unknown) => sealEnvelope(key, JSON.stringify(value), randomBytes);
  const left = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    await openEnvelope(key, parseEnvelope(await request.text()));
    const rest = [...await pieces(seal)];
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const piece = rest.shift();
        if (piece !== undefined) controller.enqueue(new TextEncoder().encode(piece));
        else if (end === "ends") controller.close();
        else return left.promise;
      },
      cancel: () => left.resolve(),
    }, { highWaterMark: 0 });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  });
  try {
    await test({ url: `http://127.0.0.1:${server.addr.port}`, key: secret.toHex() }, left.promise);
  } finally {
    left.resolve();
    await server.shutdown();
  }
}

const OTHER_KEY = "0123456789abcdef".repeat(4);

/** Registers the tests of one client. */
export function testClient(program: ClientProgram): void {
  const { ignore, language } = program;

  function test(criterion: string, fn: () => Promise<void>): void {
    Deno.test({ name: `${language} client ${criterion}`, ignore, fn });
  }

  /** Runs a command beside a part of the test, and returns all that it printed. */
  async function withClient(
    place: Place,
    words: readonly string[],
    use: (client: Client) => Promise<void>,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Line[]> {
    const client = new Client(program, place, words, env);
    try {
      await use(client);
      await within("the end of the client", client.finish());
      return client.lines;
    } finally {
      await client.kill();
    }
  }

  /** Runs a command that has one result. */
  async function run(
    place: Place,
    words: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Line> {
    const [result, ...more] = await withClient(place, words, () => Promise.resolve(), env);
    if (result === undefined || more.length > 0) throw new Error("Client must print one result");
    return result;
  }

  test("calls a method of Jeedom with parameters", () =>
    inWorld(async ({ gateway }) => {
      const { status, body, timestamp } = await run(gateway, ["call", "cmd::byId", '{"id": 3}']);
      assertEquals(status, 200);
      assertEquals(body, {
        jsonrpc: "2.0",
        id: 99_999,
        result: { id: 3, name: "Light", eqLogic_id: 1, currentValue: 0 },
      });
      assert(Math.abs(Number(timestamp) - Date.now() / 1000) < 60);
    }));

  test("asks for the gateway's health", () =>
    inWorld(async ({ gateway }) => {
      assertEquals(await run(gateway, ["health"]), { status: "ok", version: VERSION });
    }));

  test("with another key is refused with status 401", () =>
    inWorld(async ({ gateway: { url }, jeedom }) => {
      const refused = { failure: program.refusal, status: 401, message: "Decryption failed" };
      assertEquals(await run({ url, key: OTHER_KEY }, ["call", "datetime", "{}"]), refused);
      assertEquals(await run({ url, key: OTHER_KEY }, ["subscribe", "0", "home/#"]), refused);
      assertEquals(jeedom.requests.length, 0);
    }));

  test("whose clock is wrong is told so with status 403 and the right time", () =>
    inWorld(async ({ gateway, jeedom }) => {
      const late = { CLIENT_CLOCK_OFFSET: "-3600" };
      const answer = await run(gateway, ["call", "datetime", "{}"], late);
      assertEquals([answer["status"], answer["body"]], [403, '{"error":"Request expired"}']);
      assert(Math.abs(Number(answer["timestamp"]) - Date.now() / 1000) < 60);
      await withClient(gateway, ["subscribe", "0", "home/#"], async (client) => {
        const { message } = await client.line("type", "error");
        assertEquals(message, "Request expired");
        await client.line("end");
      }, late);
      assertEquals(jeedom.requests.length, 0);
    }));

  test("refuses a key that is not 64 hexadecimal characters", async () => {
    const { failure, message } = await run({ url: "http://127.0.0.1:9", key: "secret" }, ["call", "datetime", "{}"]);
    assertEquals([failure, message], [program.badArgument, "Key must be 64 hexadecimal characters"]);
  });

  test("publishes and receives its own message", () =>
    inWorld(async ({ gateway }) => {
      await withClient(gateway, ["subscribe", "1", "home/lamp"], async (client) => {
        const connected = await client.line("type", "connected");
        assertEquals(connected["topics"], ["home/lamp"]);
        const answer = await run(gateway, ["publish", "home/lamp", "on ☀", "1", "false"]);
        assertEquals(answer["status"], 200);
        assertEquals(JSON.parse(String(answer["body"]))["success"], true);
        const { topic, payload, qos, retain } = await client.line("type", "message");
        assertEquals([topic, payload, qos, retain], ["home/lamp", "on ☀", 1, false]);
        await client.line("end");
      });
    }));

  test("receives a message that was retained at QoS 1 before it subscribed", () =>
    inWorld(async ({ gateway }) => {
      assertEquals((await run(gateway, ["publish", "home/mode", "night", "1", "true"]))["status"], 200);
      await withClient(gateway, ["subscribe", "1", "home/mode"], async (client) => {
        const { payload, retain } = await client.line("type", "message");
        assertEquals([payload, retain], ["night", true]);
        await client.line("end");
      });
    }));

  test("receives through a wildcard what matches it, and nothing else", () =>
    inWorld(async ({ gateway }) => {
      await withClient(gateway, ["subscribe", "2", "home/+/temperature", "garden/#"], async (client) => {
        await client.line("type", "connected");
        for (const topic of ["home/attic/humidity", "home/attic/temperature", "home/temperature", "garden/a/b"]) {
          await gateway.client.publish(topic, "20", { qos: 1 });
        }
        await client.line("end");
        const messages = client.lines.filter((line) => line["type"] === "message");
        assertEquals(messages.map((line) => line["topic"]), ["home/attic/temperature", "garden/a/b"]);
      });
    }));

  test("receives a payload that is not UTF-8 in base64", () =>
    inWorld(async ({ gateway, brokerPort }) => {
      const bytes = Uint8Array.of(0xff, 0xfe, 0x00, 0x80);
      await withClient(gateway, ["subscribe", "1", "home/camera"], async (client) => {
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

  test("hears the end of the stream when the gateway stops", () =>
    inWorld(async ({ gateway }) => {
      await withClient(gateway, ["subscribe", "0", "home/#"], async (client) => {
        await client.line("type", "connected");
        Deno.kill(gateway.pid, "SIGTERM");
        const { message } = await client.line("type", "disconnected");
        assertEquals(message, "Gateway is shutting down");
        await client.line("end");
      });
    }));

  test("reports a gateway that dies during a stream", () =>
    inWorld(async ({ gateway }) => {
      await withClient(gateway, ["subscribe", "0", "home/#"], async (client) => {
        await client.line("type", "connected");
        Deno.kill(gateway.pid, "SIGKILL");
        const { status } = await client.line("failure");
        assertEquals(status, null);
        assertEquals(client.lines.length, 2);
      });
    }));

  test("reads events that arrive in pieces between comments, and closes the connection when it has enough", () =>
    inMadeUpWorld(
      async (seal) => {
        const connected = await seal({ type: "connected", topics: ["#"] });
        const message = await seal({ type: "message", topic: "home/é", payload: "é".repeat(9000) });
        const text = `: hello\n\ndata: ${connected}\n\n: keepalive\n\nid: 7\r\ndata:${message}\r\n\r\n: more\n\n`;
        return text.match(/[^]{1,700}|\n/g) ?? [];
      },
      "stays open",
      async (place, left) => {
        await withClient(place, ["subscribe", "1", "#"], async (client) => {
          await client.line("end");
          const [connected, message] = client.lines;
          assertEquals(connected?.["type"], "connected");
          assertEquals([message?.["topic"], message?.["payload"]], ["home/é", "é".repeat(9000)]);
          await within("the client closes its connection", left);
        });
      },
    ));

  test("reports a stream that ends without saying why", () =>
    inMadeUpWorld(
      async (seal) => [`data: ${await seal({ type: "connected", topics: ["#"] })}\n\ndata: AAAA`],
      "ends",
      async (place) => {
        await withClient(place, ["subscribe", "0", "#"], async (client) => {
          const { failure, message } = await client.line("failure");
          assertEquals([failure, message], [program.brokenStream, "Stream broke off"]);
        });
      },
    ));

  test("refuses an event that its key does not open", () =>
    inMadeUpWorld(
      async (seal) => [`data: ${(await seal({ type: "connected" })).replace(/^.{4}/, "AAAA")}\n\n`],
      "stays open",
      async (place, left) => {
        await withClient(place, ["subscribe", "0", "#"], async (client) => {
          const { failure, status, message } = await client.line("failure");
          assertEquals([failure, status], [program.refusal, 502]);
          assertEquals(message, "Answer does not open with this key");
          await within("the client closes its connection", left);
        });
      },
    ));

  test("refuses an answer that is not an envelope", () =>
    inMadeUpWorld(
      () => Promise.resolve(["<html>Welcome to the hotel</html>"]),
      "ends",
      async (place) => {
        const { failure, status, message } = await run(place, ["call", "datetime", "{}"]);
        assertEquals([failure, status, message], [program.refusal, 502, "Answer is not an envelope"]);
      },
    ));
}
