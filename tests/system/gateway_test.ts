/** The test list of the original gateway, and the main functions, with the real process, a broker and a simulated Jeedom. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { GatewayClient, GatewayError, ScopeError } from "../../src/client/gateway_client.ts";
import type { MessageEvent, StreamEvent } from "../../src/protocol/event.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import { until } from "../support/deadline.ts";
import { startBroker } from "../support/broker.ts";
import { type GatewayProcess, metricOf, UNLIMITED } from "../support/gateway_process.ts";
import { withEnvironment } from "../support/environment.ts";

/** Sends a payload unchanged, with its own timestamp. */
async function send({ url, key }: GatewayProcess, path: string, payload: unknown): Promise<Response> {
  const secret = await importKey(Uint8Array.fromHex(key));
  const body = await sealEnvelope(secret, JSON.stringify(payload), randomBytes);
  return await fetch(url + path, { method: "POST", body });
}

async function opened({ key }: GatewayProcess, response: Response): Promise<Record<string, unknown>> {
  const secret = await importKey(Uint8Array.fromHex(key));
  return JSON.parse(await openEnvelope(secret, parseEnvelope(await response.text())));
}

/** Collects the expected number of messages. */
async function collect(events: AsyncIterable<StreamEvent>, count: number, onConnected: () => Promise<unknown>) {
  const messages: MessageEvent[] = [];
  for await (const event of events) {
    if (event.type === "connected") await onConnected();
    else if (event.type === "message") messages.push(event);
    else throw new Error(event.message);
    if (messages.length === count) break;
  }
  return messages;
}

Deno.test("Jeedom: a valid request is answered", () =>
  withEnvironment(async ({ gateway, jeedom }) => {
    const { status, body } = await gateway.client.callJeedom("datetime", undefined, { apikey: jeedom.apikey });
    assertEquals(status, 200);
    const { result, ...rest } = Object(body);
    assertEquals([typeof result, rest], ["number", { jsonrpc: "2.0", id: 99_999 }]);
  }));

Deno.test("Jeedom: expired and future timestamps are refused", () =>
  withEnvironment(async ({ gateway, jeedom }) => {
    for (const offset of [-61, -3600, 65, 3600]) {
      const payload = { jsonrpc: "datetime", apikey: jeedom.apikey, timestamp: Date.now() / 1000 + offset };
      const { status, body } = await opened(gateway, await send(gateway, "/gateway", payload));
      assertEquals([status, body], [403, '{"error":"Request expired","code":"expired"}']);
    }
    assertEquals(jeedom.requests.length, 0);
  }));

Deno.test("Jeedom: parameters arrive, and errors within HTTP 200 are returned", () =>
  withEnvironment(async ({ gateway, jeedom: { apikey } }) => {
    const found = await gateway.client.callJeedom("cmd::byId", { id: 1 }, { apikey });
    assertEquals(Reflect.get(Reflect.get(Object(found.body), "result"), "name"), "Temperature");
    const missing = await gateway.client.callJeedom("cmd::byId", { id: 99 }, { apikey });
    assertEquals([missing.status, Reflect.get(Reflect.get(Object(missing.body), "error"), "code")], [200, 701]);
  }));

Deno.test("Jeedom: its answer in the form of a gateway error is returned, also to the first call of a client", async () => {
  const said = JSON.stringify({ error: "Request expired", code: "expired", source: "gateway" });
  const jeedom = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => Response.json(said, { status: 403 }),
  );
  try {
    await withEnvironment(async ({ gateway }) => {
      for (const protocol of [1, 2, "auto"] as const) {
        const client = new GatewayClient({ url: gateway.url, key: gateway.key, protocol });
        const { status, body } = await client.callJeedom("ping");
        assertEquals([status, body], [403, said], `${protocol}`);
      }
    }, { env: { JEEDOM_URL: `http://127.0.0.1:${jeedom.addr.port}` } });
  } finally {
    await jeedom.shutdown();
  }
});

Deno.test("Jeedom: a wrong key is refused with the opaque 401", () =>
  withEnvironment(async ({ gateway }) => {
    const other = new GatewayClient({ url: gateway.url, key: "ab".repeat(32) });
    const error = await assertRejects(() => other.callJeedom("datetime"), GatewayError, "Decryption failed");
    assertEquals(error.status, 401);
  }));

Deno.test("Jeedom: missing fields are named", () =>
  withEnvironment(async ({ gateway, jeedom }) => {
    const timestamp = Date.now() / 1000;
    for (
      const [payload, error] of [
        [{ service: "jeedom", apikey: jeedom.apikey }, "Missing required field: jsonrpc"],
        [{ service: "jeedom", jsonrpc: "datetime" }, "Missing required field: apikey"],
      ] as const
    ) {
      const answer = await opened(gateway, await send(gateway, "/gateway", { ...payload, timestamp }));
      assertEquals([answer["status"], answer["body"]], [403, JSON.stringify({ error, code: "field" })]);
    }
    assertEquals(jeedom.requests.length, 0);
  }));

Deno.test("Jeedom: a hundred rapid requests are all answered, each with its own answer", () =>
  withEnvironment(async ({ gateway, jeedom }) => {
    const answers = await Promise.all(
      Array.from(
        { length: 100 },
        (_, index) =>
          gateway.client.callJeedom(index % 2 === 0 ? "ping" : "version", undefined, { apikey: jeedom.apikey }),
      ),
    );
    const results = answers.map(({ body }) => Reflect.get(Object(body), "result"));
    assertEquals(results, Array.from({ length: 100 }, (_, index) => index % 2 === 0 ? "pong" : "4.5.3"));
    assertEquals(jeedom.requests.length, 100);
  }, { env: UNLIMITED }));

Deno.test("Jeedom: a long poll waits for a change and returns it", () =>
  withEnvironment(async ({ gateway, jeedom }) => {
    const since = Date.now() / 1000;
    const poll = gateway.client.callJeedom("event::changes", { datetime: since, longPolling: 30 }, {
      apikey: jeedom.apikey,
    });
    await until("the poll", () => jeedom.requests.length === 1);
    jeedom.home.set(3, 1);
    const { status, body } = await poll;
    assertEquals(status, 200);
    assert(JSON.stringify(body).includes('"cmd_id":3'), JSON.stringify(body));
  }));

Deno.test("Jeedom: a long poll continues after its client disconnects, and a repeat gets its answer", () =>
  withEnvironment(async ({ gateway, jeedom }) => {
    const phone = new AbortController();
    const params = { datetime: Date.now() / 1000, longPolling: 60 };
    const ask = (choices: { signal?: AbortSignal } = {}) =>
      gateway.client.callJeedom("event::changes", params, { apikey: jeedom.apikey, ...choices });
    const poll = ask({ signal: phone.signal });
    await until("the poll", () => jeedom.simulated.busyWorkers === 1);
    const untilRunning = (count: number) =>
      until(`${count} requests run`, async () => await metricOf(gateway, "e2e_gateway_requests_running") === count);
    phone.abort();
    await assertRejects(() => poll);
    await untilRunning(0);
    assertEquals((await gateway.client.callJeedom("ping")).status, 200);
    assertEquals(jeedom.simulated.busyWorkers, 1);
    const again = ask();
    await untilRunning(1);
    jeedom.home.set(3, 1);
    assertEquals((await again).status, 200);
    assertEquals(jeedom.requests.length, 2, "One poll and one ping");
  }));

Deno.test("Jeedom: aborted polls leave workers for other calls", () =>
  withEnvironment(async ({ gateway, jeedom }) => {
    const call = { apikey: jeedom.apikey };
    const phone = new AbortController();
    let decided = 0;
    const polls = Array.from({ length: 170 }, async (_, datetime) => {
      const params = { datetime: 1e12 + datetime, longPolling: 40 };
      const poll = gateway.client.callJeedom("event::changes", params, { ...call, signal: phone.signal });
      await poll.catch(() => decided += 1);
    });
    await until("each poll runs or was refused", () => decided + jeedom.simulated.busyWorkers === 170, 60_000);
    phone.abort();
    await Promise.all(polls);
    assertEquals((await gateway.client.callJeedom("version", {}, call)).status, 200);
    assert(jeedom.simulated.busyWorkers <= 15, `${jeedom.simulated.busyWorkers} workers are busy`);
    const refused = await gateway.client.callJeedom("event::changes", { datetime: 1e12, longPolling: 41 }, call)
      .catch((error) => error);
    assertEquals(refused.status, 429);
  }, { env: UNLIMITED, jeedom: { workers: 150 }, ms: 120_000 }));

Deno.test("Jeedom: no header of the client is forwarded", () =>
  withEnvironment(async ({ gateway, jeedom }) => {
    const phone = new GatewayClient({
      url: gateway.url,
      key: gateway.key,
      fetch: (input, init) =>
        fetch(input, {
          ...init,
          headers: { "X-Forwarded-For": "8.8.8.8", "CF-Connecting-IP": "8.8.8.8", "Cookie": "a=b", "X-Custom": "1" },
        }),
    });
    assertEquals((await phone.callJeedom("ping")).status, 200);
    const names = [...(jeedom.requests[0]?.headers.keys() ?? [])].sort();
    assertEquals(names, [
      "accept",
      "accept-encoding",
      "accept-language",
      "content-length",
      "content-type",
      "host",
      "user-agent",
    ]);
  }));

Deno.test("MQTT: a message is published, with quality of service and retained", () =>
  withEnvironment(async ({ gateway }) => {
    for (const qos of [0, 1, 2] as const) {
      const answer = await gateway.client.publish(`home/kept/${qos}`, `value ${qos}`, { qos, retain: true });
      assertEquals([answer.status, answer.body], [
        200,
        JSON.stringify({ success: true, topic: `home/kept/${qos}`, message: "Published successfully" }),
      ]);
    }
    const messages = await collect(gateway.client.subscribe(["home/kept/+"], { qos: 2 }), 3, () => Promise.resolve());
    assertEquals(
      messages.map(({ topic, payload, qos, retain }) => [topic, payload, qos, retain]).sort(),
      [0, 1, 2].map((qos) => [`home/kept/${qos}`, `value ${qos}`, qos, true]),
    );
  }));

Deno.test("MQTT: a message of null clears a retained one", () =>
  withEnvironment(async ({ gateway }) => {
    await gateway.client.publish("kept", "old", { qos: 1, retain: true });
    await gateway.client.publish("kept", null, { qos: 1, retain: true });
    const messages = await collect(
      gateway.client.subscribe(["kept"]),
      1,
      () => gateway.client.publish("kept", "new", { qos: 1 }),
    );
    assertEquals(messages.map(({ payload, retain }) => [payload, retain]), [["new", false]]);
  }));

Deno.test("MQTT: another broker is reached when it is allowed, and refused when it is not", async () => {
  const other = await startBroker();
  try {
    await withEnvironment(async ({ gateway }) => {
      const options = { brokerHost: other.host, brokerPort: other.port, qos: 1 } as const;
      const messages = await collect(
        gateway.client.subscribe(["t"], options),
        1,
        () => gateway.client.publish("t", "there", options),
      );
      assertEquals(messages[0]?.payload, "there");
      const elsewhere = () => gateway.client.publish("t", "x", { brokerHost: "127.0.0.1", brokerPort: 1 });
      await assertRejects(elsewhere, ScopeError, "Broker not allowed: 127.0.0.1:1");
    }, { env: { MQTT_ALLOWED_BROKERS: `${other.host}:${other.port}` } });
  } finally {
    await other.stop();
  }
});

Deno.test("MQTT: missing fields are named, on both routes", () =>
  withEnvironment(async ({ gateway }) => {
    const timestamp = Date.now() / 1000;
    for (const path of ["/gateway", "/mqtt/publish"]) {
      for (
        const [fields, error] of [
          [{ message: "m" }, "Missing required field: topic"],
          [{ topic: "t" }, "Missing required field: message"],
        ] as const
      ) {
        const answer = await opened(gateway, await send(gateway, path, { service: "mqtt", timestamp, ...fields }));
        assertEquals([answer["status"], answer["body"]], [400, JSON.stringify({ error, code: "field" })]);
      }
    }
  }));

Deno.test("subscribe: an exact topic, + and # each deliver only what they match", () =>
  withEnvironment(async ({ gateway }) => {
    const publishAll = async () => {
      for (const topic of ["home/a/x", "home/b", "home/a", "other", "home/a/done"]) {
        await gateway.client.publish(topic, topic, { qos: 1 });
      }
    };
    for (
      const [filter, expected] of [
        ["home/a", ["home/a"]],
        ["home/+", ["home/b", "home/a"]],
        ["home/#", ["home/a/x", "home/b", "home/a", "home/a/done"]],
      ] as const
    ) {
      const messages = await collect(gateway.client.subscribe([filter], { qos: 1 }), expected.length, publishAll);
      assertEquals(messages.map(({ topic }) => topic), expected);
    }
  }));

Deno.test("subscribe: an empty topic is refused with one error event", () =>
  withEnvironment(async ({ gateway }) => {
    const response = await send(gateway, "/mqtt/subscribe", { topic: "", timestamp: Date.now() / 1000 });
    assertEquals(response.headers.get("Content-Type"), "text/event-stream");
    const blocks = (await response.text()).split("\n\n").filter((block) => block !== "");
    assertEquals(blocks.length, 1);
    const event = await opened(gateway, new Response(blocks[0]?.replace("data: ", "") ?? ""));
    assertEquals([event["type"], event["message"]], ["error", "Missing required field: topic"]);
  }));

Deno.test("subscribe: a thousand messages arrive complete and in order", () =>
  withEnvironment(async ({ gateway }) => {
    const count = 1000;
    const messages = await collect(gateway.client.subscribe(["n"], { qos: 1 }), count, async () => {
      // Concurrent publishes on one connection are sent in their order.
      const publishing = Array.from({ length: 10 }, (_, part) => part);
      for (let base = 0; base < count; base += publishing.length) {
        for (const part of publishing) await gateway.client.publish("n", String(base + part), { qos: 0 });
      }
    });
    assertEquals(messages.map(({ payload }) => Number(payload)), Array.from({ length: count }, (_, index) => index));
  }, { env: UNLIMITED }));

Deno.test("subscribe: thousands of retained messages reach a reading listener", () =>
  withEnvironment(async ({ gateway }) => {
    const count = 3000;
    const value = "x".repeat(200);
    for (let base = 0; base < count; base += 100) {
      await Promise.all(
        Array.from({ length: 100 }, (_, n) => gateway.client.publish(`r/${base + n}`, value, { retain: true })),
      );
    }
    const messages = await collect(gateway.client.subscribe(["r/#"]), count, () => Promise.resolve());
    assertEquals(new Set(messages.map(({ topic }) => topic)).size, count);
  }, { env: { ...UNLIMITED, LISTENER_QUEUE_BYTES: "65536" } }));

Deno.test("replay: a request sent again over HTTP reaches Jeedom once and gets the first answer", () =>
  withEnvironment(async ({ gateway, jeedom }) => {
    const key = await importKey(Uint8Array.fromHex(gateway.key));
    const payload = { jsonrpc: "cmd::execCmd", params: { id: 3 }, apikey: jeedom.apikey, timestamp: Date.now() / 1000 };
    const body = await sealEnvelope(key, JSON.stringify(payload), randomBytes);
    const post = async () => await (await fetch(`${gateway.url}/gateway`, { method: "POST", body })).text();
    const first = await post();
    assertEquals(await Promise.all([post(), post(), post()]), [first, first, first]);
    assertEquals(jeedom.requests.length, 1);
    assertEquals(jeedom.home.value(3), 1);
  }));

Deno.test("repeated slashes before the path count as one, in every form of a request line", () =>
  withEnvironment(async ({ gateway }) => {
    const { hostname, port } = new URL(gateway.url);
    const key = await importKey(Uint8Array.fromHex(gateway.key));
    for (const target of ["//mqtt/publish", "/////mqtt/publish", `${gateway.url}//mqtt/publish`]) {
      const message = { topic: "test/slashes", message: "x", timestamp: Date.now() / 1000 };
      const body = await sealEnvelope(key, JSON.stringify(message), randomBytes);
      using connection = await Deno.connect({ hostname, port: Number(port) });
      const head =
        `POST ${target} HTTP/1.1\r\nHost: home\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
      await connection.write(new TextEncoder().encode(head + body));
      const text = await readAll(connection);
      assert(text.startsWith("HTTP/1.1 200 "), `${target}: ${text}`);
      const answer = JSON.parse(await openEnvelope(key, parseEnvelope(text.split("\r\n\r\n")[1] ?? "")));
      assertEquals([answer.status, answer.source], [200, "gateway"], target);
    }
  }));

Deno.test("AEAD=native: calls, short and long messages, and streams, in both versions", () =>
  withEnvironment(async ({ gateway, jeedom: { apikey } }) => {
    for (const protocol of [1, 2] as const) {
      const client = new GatewayClient({ url: gateway.url, key: gateway.key, protocol });
      assertEquals((await client.callJeedom("datetime", undefined, { apikey })).status, 200);
      const topic = `native/${protocol}`;
      const sent = ["", "short", "x".repeat(10_000)];
      const received = await collect(client.subscribe([topic]), sent.length, async () => {
        for (const message of sent) await client.publish(topic, message);
      });
      assertEquals(received.map(({ payload }) => payload), sent);
    }
    const stranger = new GatewayClient({ url: gateway.url, key: "00".repeat(32), protocol: 2 });
    await assertRejects(() => stranger.callJeedom("datetime"), GatewayError);
  }, { env: { AEAD: "native" } }));

/** Reads a connection to its end. */
async function readAll(connection: Deno.Conn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(4096);
  for (let count; (count = await connection.read(buffer)) !== null;) {
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text;
}
