/**
 * Fairness on the real process: for each resource that keys, addresses or devices share, a greedy one takes all that
 * it can get, and a modest one beside it is served.
 */
import { assert, assertEquals } from "@std/assert";
import { prepareInspection } from "../../tools/support/inspector.ts";
import { HttpConnection } from "../../tools/bench/load/http_connection.ts";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { Position, StreamEvent } from "../../src/protocol/event.ts";
import { importSecretKey, type SecretKey } from "../../src/protocol/secret_key.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";
import { until, within } from "../support/deadline.ts";
import { makeRecord } from "../support/gateway.ts";
import { EVERYDAY_RIGHTS } from "../support/rights.ts";
import { startBroker } from "../support/broker.ts";
import { clientAt } from "../support/client_at.ts";
import { RawConnections } from "../support/raw_connections.ts";
import { readStatuses, writeAll } from "../support/garbage.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway_process.ts";
import { nextEvent } from "../support/next_event.ts";
import { postBytes, rawRequest, type RawRequestOptions, sealRaw } from "../support/raw_request.ts";
import { UnreadHttp2 } from "../support/unread_http2.ts";
import { startWorkerJeedom, type WorkerJeedom } from "../support/jeedom_server.ts";

const PHONE = "198.51.100.7";
const GREEDY = "203.0.113.9";

const MB = 2 ** 20;

/** A gateway with two keys that may do the same. */
interface Scene {
  readonly gateway: GatewayProcess;
  readonly port: number;
  readonly jeedom: WorkerJeedom;
  readonly greedy: KeyRecord;
  readonly greedySecret: SecretKey;
  /** The greedy key's client, at an address of its own. */
  readonly greedyClient: GatewayClient;
  readonly modest: KeyRecord;
  /** The modest key's client, at an address of its own. */
  readonly phone: GatewayClient;
  /** Connections that are closed at the end. */
  readonly crowd: RawConnections;
  /** Opens a stream that ends at the end, at the latest. */
  listen(client: GatewayClient, filters: readonly string[], since?: Position): Promise<ConnectedStream>;
}

/** Choices for a scene. */
interface SceneOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly workers?: number;
  readonly flags?: readonly string[];
}

/** Runs a test with a gateway that has two keys, and looks for traces of a crash afterwards. */
async function withTwoKeys(
  test: (scene: Scene) => Promise<void>,
  { env = {}, workers = 1000, flags = [] }: SceneOptions = {},
): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const recordOf = (name: string) => makeRecord({ ...EVERYDAY_RIGHTS, brokers: ["*"], name });
  const [greedy, modest] = [recordOf("greedy"), recordOf("modest")] as const;
  const jeedom = startWorkerJeedom(workers);
  opened.defer(() => jeedom.stop());
  const broker = await startBroker(["allow_anonymous true", "max_queued_messages 0"]);
  opened.defer(() => broker.stop());
  const gateway = await startGatewayProcess({
    JEEDOM_URL: jeedom.url,
    JEEDOM_APIKEY: "fairness",
    MQTT_BROKER_HOST: broker.host,
    MQTT_BROKER_PORT: String(broker.port),
    HEALTH_CHECK_SECONDS: "3600",
    SHUTDOWN_TIMEOUT_MS: "500",
    DRAIN_MS: "0",
    ...env,
  }, { keys: [greedy, modest], flags });
  opened.defer(async () => void await gateway.stop());
  const crowd = new RawConnections();
  opened.defer(() => crowd.close());
  const clientOf = ({ secret }: KeyRecord, address: string) =>
    clientAt(address, { url: gateway.url, key: secret.toHex() });
  await within(
    "the test",
    test({
      gateway,
      port: Number(new URL(gateway.url).port),
      jeedom,
      greedy,
      greedySecret: await importSecretKey(greedy.secret),
      greedyClient: clientOf(greedy, GREEDY),
      modest,
      phone: clientOf(modest, PHONE),
      crowd,
      async listen(...begin) {
        const stream = await connect(...begin);
        opened.defer(() => stream.leave());
        return stream;
      },
    }),
    120_000,
  );
  // A stack outside of the log, or a crash.
  const broken = gateway.output.lines.filter((line) => /^\s+at |Uncaught|nhandled|broke the gateway/.test(line));
  assertEquals(broken, []);
}

/** A phone that gets what it asks for, the first time that it asks. */
async function isServed(phone: GatewayClient): Promise<void> {
  assertEquals((await within("a call", phone.callJeedom("cmd::byId", { id: 1 }))).status, 200);
  assertEquals((await within("a publish", phone.publish("modest/t", "m", { qos: 1 }))).status, 200);
}

/** Sends requests of the greedy key over connections of their own, each from another address, and leaves them open. */
async function sendGreedy(
  { crowd, greedySecret, port }: Pick<Scene, "crowd" | "greedySecret" | "port">,
  count: number,
  request: Pick<RawRequestOptions, "route"> & { readonly fields: (index: number) => RawRequestOptions["fields"] },
): Promise<void> {
  const sealed = await Promise.all(
    Array.from(
      { length: count },
      (_, index) =>
        rawRequest(greedySecret, { route: request.route, fields: request.fields(index), from: addressAt(index) }),
    ),
  );
  await crowd.open(port, count);
  await crowd.send((index) => sealed[index]?.bytes ?? new Uint8Array());
}

const addressAt = (index: number): string => `198.18.${Math.floor(index / 250)}.${1 + index % 250}`;

/** A stream, from its begin. */
interface ConnectedStream {
  readonly events: AsyncGenerator<StreamEvent, void>;
  /** Leaves as a phone does whose line breaks. */
  leave(): Promise<void>;
}

/** Listens until it is connected. */
async function connect(phone: GatewayClient, filters: readonly string[], since?: Position): Promise<ConnectedStream> {
  const leave = new AbortController();
  const events = phone.subscribe(filters, { signal: leave.signal, resume: false, ...since ? { since } : {} });
  await nextEvent(events, "connected");
  return {
    events,
    async leave() {
      leave.abort();
      await events.next().catch(() => {});
    },
  };
}

function positionOf(event: StreamEvent): Position {
  if (!("epoch" in event) || event.epoch === undefined || event.offset === undefined) throw new Error("No position");
  return { epoch: event.epoch, offset: event.offset };
}

const payloadOf = (event: StreamEvent) => event.type === "message" ? event.payload : undefined;

const UNLIMITED_RATE = { RATE_LIMITS: "off" };

Deno.test("unread answers of one key do not break off a large answer of another", () =>
  withTwoKeys(async ({ port, greedySecret, phone, greedyClient }) => {
    const lines = await Promise.all([1, 2].map(() => UnreadHttp2.open(port)));
    try {
      // 60 answers of 400 KB sealed: more than eight of the largest, which may wait in all.
      for (const [index, line] of Array.from({ length: 30 }, () => lines).flat().entries()) {
        const { text } = await sealRaw(greedySecret, {
          route: "/gateway",
          fields: { jsonrpc: "cmd::byId", params: { bytes: 300_000 } },
        });
        await line.post("/gateway", text, addressAt(index));
      }
      const answered = () => lines.reduce((sum, { answered }) => sum + answered.size, 0);
      await until("all answers begun", () => answered() === 60);
      for (let time = 0; time < 3; time++) {
        const { body } = await phone.callJeedom("cmd::byId", { bytes: 2_000_000 });
        assertEquals(JSON.stringify(body).match(/x+/)?.[0].length, 2_000_000);
      }
      // The greedy key itself is served as well, as soon as it reads.
      assertEquals((await greedyClient.callJeedom("cmd::byId", { id: 1 })).status, 200);
    } finally {
      await Promise.all(lines.map((line) => line.close()));
    }
  }, {
    env: { ...UNLIMITED_RATE, JEEDOM_MAX_RESPONSE_BYTES: "2200000", MAX_REQUESTS_PER_KEY: "200" },
  }));

Deno.test("large messages on one key's topics do not empty the resume history of another's", () =>
  withTwoKeys(async ({ listen, greedyClient, phone }) => {
    const first = await listen(phone, ["modest/#"]);
    await phone.publish("modest/n", "0", { qos: 1 });
    const position = positionOf(await nextEvent(first.events, "message"));
    await first.leave();
    await phone.publish("modest/n", "1", { qos: 1 });
    const greedy = await listen(greedyClient, ["greedy/#"]);
    for (let index = 0; index < 13; index++) {
      await greedyClient.publish("greedy/n", `${index}`.padEnd(98_000, "x"), { qos: 1 });
      await nextEvent(greedy.events, "message");
    }
    await phone.publish("modest/n", "2", { qos: 1 });
    const again = await listen(phone, ["modest/#"], position);
    // No gap comes before them.
    for (const expected of ["1", "2"]) assertEquals(payloadOf(await nextEvent(again.events, "message")), expected);
  }, { env: { ...UNLIMITED_RATE, RESUME_BYTES: String(MB) } }));

Deno.test("a key that fills the replay memory is refused alone", () =>
  withTwoKeys(async (scene) => {
    const { phone, crowd } = scene;
    await sendGreedy(scene, 400, {
      route: "/mqtt/publish",
      fields: () => ({ topic: "greedy/t", message: "x" }),
    });
    const statuses = new Set(await crowd.statuses());
    assert(statuses.has("503"), `The replay memory was not filled: ${[...statuses]}`);
    for (let index = 0; index < 10; index++) await isServed(phone);
    // 128 requests fit at most.
  }, { env: { ...UNLIMITED_RATE, REPLAY_MEMORY_BYTES: String(64 * 1024), MAX_REQUESTS_PER_KEY: "500" } }));

Deno.test("large answers of one key do not push out the answer that another may ask for again", () =>
  withTwoKeys(async ({ gateway, greedyClient, modest, port }) => {
    const secret = await importSecretKey(modest.secret);
    const { bytes } = await rawRequest(secret, {
      route: "/gateway",
      fields: { jsonrpc: "cmd::byId", params: { bytes: 1000 } },
      from: PHONE,
    });
    const first = await exchange(port, bytes);
    for (let index = 0; index < 30; index++) await greedyClient.callJeedom("cmd::byId", { bytes: 150_000 });
    // A phone whose line broke sends the same bytes again.
    assertEquals(await exchange(port, bytes), first);
    assertEquals((await gateway.client.callJeedom("cmd::byId", { id: 1 })).status, 200);
  }, { env: { ...UNLIMITED_RATE, REPLAY_MEMORY_BYTES: String(MB) } }));

/** Sends a request and returns the body of its answer. */
async function exchange(port: number, request: Uint8Array<ArrayBuffer>): Promise<string> {
  const connection = await HttpConnection.open(port);
  try {
    const { status, text } = await connection.exchange(request);
    assertEquals(status, 200);
    return text;
  } finally {
    connection.close();
  }
}

Deno.test("long polls that one key gave up leave Jeedom's workers to another", () =>
  withTwoKeys(async (scene) => {
    const { jeedom, phone, crowd } = scene;
    const polls = 30;
    await sendGreedy(scene, polls, {
      route: "/gateway",
      fields: (index) => ({ jsonrpc: "event::changes", params: { longPolling: 60, datetime: index } }),
    });
    // Each reached Jeedom, or was refused.
    let refused = 0;
    for (const connection of crowd.connections) {
      connection.read(new Uint8Array(1000)).then((count) => refused += count === null ? 0 : 1, () => {});
    }
    await until("all polls decided", () => jeedom.polls + refused === polls || jeedom.busy === 20);
    crowd.close();
    assert(jeedom.polls > 0, "No poll reached Jeedom");
    await isServed(phone);
    const own = phone.callJeedom("event::changes", { longPolling: 1, datetime: 1 });
    assertEquals((await within("the modest key's own poll", own)).status, 200);
  }, {
    workers: 20,
    env: { ...UNLIMITED_RATE, JEEDOM_MAX_POLLS: "12", JEEDOM_MAX_POLLS_PER_KEY: "6" },
  }));

/** What a stranger behind the phone's own address sends. */
const FAILURES: readonly (readonly [name: string, make: (scene: Scene) => Promise<Uint8Array> | Uint8Array])[] = [
  ["garbage", () => postBytes("/gateway", randomBytes(60).toBase64(), { "X-Forwarded-For": PHONE })],
  [
    "garbage that names another key",
    ({ greedySecret: { kid } }) =>
      postBytes("/gateway", `2.${kid}.${toBase64Url(randomBytes(60))}`, { "X-Forwarded-For": PHONE }),
  ],
  [
    "version 1 garbage that names another key",
    ({ greedySecret: { kid } }) =>
      postBytes("/gateway", randomBytes(60).toBase64(), { "X-Forwarded-For": PHONE, "E2E-Key-Id": kid }),
  ],
  [
    "garbage of an unknown key",
    () =>
      postBytes("/gateway", `2.${randomBytes(8).toHex()}.${toBase64Url(randomBytes(60))}`, {
        "X-Forwarded-For": PHONE,
      }),
  ],
  [
    "a web page's cross-site posts",
    () =>
      postBytes("/gateway", "no-cors", {
        "X-Forwarded-For": PHONE,
        "Content-Type": "text/plain;charset=UTF-8",
        "Origin": "https://page.example",
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "no-cors",
      }),
  ],
  [
    "expired requests of another key",
    async ({ greedySecret }) => {
      const { bytes } = await rawRequest(greedySecret, {
        route: "/gateway",
        fields: { jsonrpc: "ping" },
        from: PHONE,
        age: 7200,
      });
      return bytes;
    },
  ],
];

const toBase64Url = (bytes: Uint8Array) => bytes.toBase64({ alphabet: "base64url", omitPadding: true });

for (const [name, make] of FAILURES) {
  Deno.test(`${name} from a phone's own address do not lock the phone out`, () =>
    withTwoKeys(async (scene) => {
      const { crowd, gateway, modest, phone, port } = scene;
      const older = new GatewayClient({
        url: gateway.url,
        key: modest.secret.toHex(),
        protocol: 1,
        fetch: (input, init) => fetch(input, { ...init, headers: { ...init?.headers, "X-Forwarded-For": PHONE } }),
      });
      // The household has used its phones before.
      for (const client of [phone, older]) await isServed(client);
      const failures = await Promise.all(Array.from({ length: 60 }, () => make(scene)));
      await crowd.open(port, failures.length);
      await crowd.send((index) => failures[index] ?? new Uint8Array());
      const statuses = await crowd.statuses();
      assert(!statuses.includes(""), "An attack had no answer");
      for (const client of [phone, older]) await isServed(client);
    }, {
      // Only failures are limited here; how many requests an address may send is another test's.
      env: { ADDRESS_RATE: "1000", ADDRESS_BURST: "10000", KEY_RATE: "1000", KEY_BURST: "10000" },
    }));
}

Deno.test("requests from all networks of one IPv6 /48 take bounded memory, and a phone is served", async () => {
  const { flag, inspect } = prepareInspection();
  await withTwoKeys(async ({ port, phone }) => {
    const inspector = await inspect();
    try {
      const heapAfter = async (site: number): Promise<number> => {
        await Promise.all(Array.from({ length: FLOODERS }, (_, part) => floodFrom(port, { site, part })));
        await inspector.collectGarbage();
        return await inspector.heapBytes();
      };
      const first = await heapAfter(1);
      const growth = await heapAfter(2) - first;
      // Of 3,200 networks: 3 MB where each of them is counted by itself.
      assert(growth < 1.5 * MB, `The heap grew by ${Math.round(growth / 1024)} KB`);
      await isServed(phone);
    } finally {
      inspector.close();
    }
  }, { flags: [flag] });
});

/** Connections that a flood uses at a time, and networks that each of them speaks for. */
const FLOODERS = 8;
const NETWORKS = 400;

/** Requests of one network: more than one a second, so that they are remembered for longer than a second. */
const EACH = 3;

/** Requests that are on their way at a time. */
const BATCH = 50;

/** Sends garbage from networks of one /48, and reads all answers. */
async function floodFrom(
  port: number,
  { site, part }: { readonly site: number; readonly part: number },
): Promise<void> {
  const requests = Array.from({ length: NETWORKS * EACH }, (_, index) => {
    const network = (part * NETWORKS + Math.floor(index / EACH)).toString(16);
    return postBytes("/gateway", "AAAA", { "X-Forwarded-For": `2001:db8:${site}:${network}::1` });
  });
  for (let at = 0; at < requests.length;) {
    // The gateway hangs up on a body that it does not read.
    using line = await Deno.connect({ hostname: "127.0.0.1", port });
    const statuses = readStatuses(line);
    for (let isOpen = true; isOpen && at < requests.length;) {
      const batch = requests.slice(at, at + BATCH);
      const writing = (async () => {
        for (const request of batch) await writeAll(line, request);
      })().catch(() => {});
      for (let answers = 0; answers < batch.length && isOpen; answers++) {
        isOpen = !(await statuses.next()).done;
        if (isOpen) at += 1;
      }
      await writing;
    }
  }
}

Deno.test("a key that holds all requests that it may leaves the rest to another", () =>
  withTwoKeys(async (scene) => {
    const { jeedom, phone } = scene;
    await sendGreedy(scene, 12, {
      route: "/gateway",
      fields: () => ({ jsonrpc: "cmd::byId", params: { wait: true } }),
    });
    await until("the greedy key's calls run", () => jeedom.busy === 4);
    for (let time = 0; time < 3; time++) await isServed(phone);
    assertEquals(jeedom.busy, 4);
  }, { env: { ...UNLIMITED_RATE, MAX_REQUESTS: "8", MAX_REQUESTS_PER_KEY: "4" } }));

Deno.test("addresses that hold all bodies that they may leave the rest to another, also where it is slow", () =>
  withTwoKeys(async ({ crowd, modest, phone, port }) => {
    const secret = await importSecretKey(modest.secret);
    const fields = { jsonrpc: "cmd::byId" };
    const { bytes } = await rawRequest(secret, { route: "/gateway", fields, from: PHONE });
    const slow = new RawConnections();
    try {
      // A phone on a bad line has sent half of its request.
      await slow.open(port, 1);
      await slow.send(() => bytes.subarray(0, -9));
      await crowd.open(port, 48);
      await crowd.send((index) =>
        postBytes("/gateway", "unfinished", { "X-Forwarded-For": `203.0.113.${index % 3}` }).subarray(0, -1)
      );
      // Each address may have 16 at a time; eight of all may be waited for.
      for (let time = 0; time < 3; time++) await isServed(phone);
      await slow.send(() => bytes.subarray(-9));
      assertEquals(await slow.statuses(), ["200"]);
    } finally {
      slow.close();
    }
  }, { env: { ...UNLIMITED_RATE, MAX_BODIES: "8", MAX_REQUESTS_PER_ADDRESS: "16", BODY_TIMEOUT_MS: "60000" } }));

Deno.test("a key that holds all streams that it may leaves the rest to another", () =>
  withTwoKeys(async (scene) => {
    const { listen, crowd, phone } = scene;
    await sendGreedy(scene, 8, { route: "/mqtt/subscribe", fields: () => ({ topic: "greedy/#" }) });
    assertEquals(new Set(await crowd.statuses()), new Set(["200"]));
    const own = await listen(phone, ["modest/#"]);
    await phone.publish("modest/n", "0", { qos: 1 });
    assertEquals(payloadOf(await nextEvent(own.events, "message")), "0");
  }, { env: { ...UNLIMITED_RATE, MAX_STREAMS: "6", MAX_STREAMS_PER_KEY: "3" } }));

Deno.test("thousands of filters that one key abandoned leave room for another's", () =>
  withTwoKeys(async (scene) => {
    const { listen, greedySecret, phone, port } = scene;
    for (let round = 0; round < 6; round++) {
      const crowd = new RawConnections();
      await sendGreedy({ crowd, greedySecret, port }, 20, {
        route: "/mqtt/subscribe",
        fields: (index) => ({
          topics: Array.from({ length: 100 }, (_, filter) => `greedy/${round}/${index}/${filter}`),
        }),
      });
      await crowd.statuses();
      crowd.close();
    }
    const own = await listen(phone, Array.from({ length: 100 }, (_, index) => `modest/${index}/#`));
    await phone.publish("modest/99/n", "0", { qos: 1 });
    assertEquals(payloadOf(await nextEvent(own.events, "message")), "0");
  }, { env: UNLIMITED_RATE }));

Deno.test("streams of one key that are not read do not hold up another's on the same topic", () =>
  withTwoKeys(async (scene) => {
    const { listen, greedySecret, phone, port } = scene;
    const line = await UnreadHttp2.open(port);
    try {
      for (let index = 0; index < 20; index++) {
        const { text } = await sealRaw(greedySecret, { route: "/mqtt/subscribe", fields: { topic: "shared/#" } });
        await line.post("/mqtt/subscribe", text, addressAt(index));
      }
      await until("all streams begun", () => line.answered.size === 20);
      const own = await listen(phone, ["shared/#"]);
      for (let index = 0; index < 40; index++) {
        await phone.publish("shared/n", `${index}`.padEnd(30_000), { qos: 1 });
        assertEquals(payloadOf(await nextEvent(own.events, "message"))?.trim(), `${index}`);
      }
    } finally {
      await line.close();
    }
  }, { env: UNLIMITED_RATE }));

Deno.test("retained messages that one key does not read leave another its own", () =>
  withTwoKeys(async (scene) => {
    const { listen, greedySecret, greedyClient, phone, port } = scene;
    for (let index = 0; index < 20; index++) {
      await greedyClient.publish(`greedy/${index}`, "x".repeat(30_000), { retain: true, qos: 1 });
      await phone.publish(`modest/${index}`, "y".repeat(5_000), { retain: true, qos: 1 });
    }
    const line = await UnreadHttp2.open(port);
    try {
      for (let index = 0; index < 10; index++) {
        const { text } = await sealRaw(greedySecret, { route: "/mqtt/subscribe", fields: { topic: "greedy/#" } });
        await line.post("/mqtt/subscribe", text, addressAt(index));
      }
      await until("all streams begun", () => line.answered.size === 10);
      // 600 KB for each of them, and 400 KB for all that begin to listen.
      for (let time = 0; time < 3; time++) {
        const own = await listen(phone, ["modest/#"]);
        const topics = new Set<string>();
        while (topics.size < 20) {
          const event = await nextEvent(own.events, "message");
          if (event.type === "message") topics.add(event.topic);
        }
      }
    } finally {
      await line.close();
    }
  }, { env: { ...UNLIMITED_RATE, BACKLOG_BYTES: "400000", LISTENER_QUEUE_BYTES: "16384" } }));

Deno.test("a large message that a device retained is left out, and the other devices' come", () =>
  withTwoKeys(async ({ listen, greedyClient, phone }) => {
    await greedyClient.publish("home/a", "x".repeat(500_000), { retain: true, qos: 1 });
    await greedyClient.publish("home/b", "21.5", { retain: true, qos: 1 });
    const own = await listen(phone, ["home/#"]);
    let value: string | null | undefined;
    // A gap may tell of the large one.
    while (value === undefined) {
      const { value: event } = await within("an event", own.events.next());
      if (!event) throw new Error("The stream ended");
      if (event.type !== "gap") assertEquals(event.type, "message");
      value = payloadOf(event);
    }
    assertEquals(value, "21.5");
    await phone.publish("home/c", "live", { qos: 1 });
    assertEquals(payloadOf(await nextEvent(own.events, "message")), "live");
  }, { env: { ...UNLIMITED_RATE, MAX_EVENT_BYTES: "10000" } }));

Deno.test("logins that one key makes up leave broker connections to another", () =>
  withTwoKeys(async (scene) => {
    const { listen, crowd, gateway, phone } = scene;
    // The gateway's own connection is idle when they come.
    await isServed(phone);
    await sendGreedy(scene, 10, {
      route: "/mqtt/subscribe",
      fields: (index) => ({ topic: "greedy/#", username: `made-up-${index}`, password: "x" }),
    });
    assertEquals(new Set(await crowd.statuses()), new Set(["200"]));
    // Each stream holds its connection, or was refused one.
    const decided = () => gateway.output.lines.filter((line) => line.includes("/mqtt/subscribe")).length;
    await until("all streams decided", () => decided() >= 10);
    await isServed(phone);
    const options = { username: "modest", password: "x", qos: 1 } as const;
    const answer = await within("a publish with a login", phone.publish("modest/t", "m", options));
    assertEquals(answer.status, 200);
    await listen(phone, ["modest/#"]);
  }, { env: { ...UNLIMITED_RATE, MQTT_MAX_CONNECTIONS: "6" } }));

Deno.test("a key that spends its rate leaves another key's alone", () =>
  withTwoKeys(async (scene) => {
    const { crowd, phone } = scene;
    await sendGreedy(scene, 100, { route: "/mqtt/publish", fields: () => ({ topic: "greedy/t", message: "x" }) });
    await crowd.statuses();
    for (let time = 0; time < 4; time++) await isServed(phone);
  }, { env: { KEY_RATE: "1", KEY_BURST: "10" } }));

Deno.test("a key that spends the rate of a phone's own address leaves the phone served", () =>
  withTwoKeys(async ({ crowd, greedySecret, phone, port }) => {
    await isServed(phone);
    const flood = await Promise.all(Array.from({ length: 300 }, () =>
      rawRequest(greedySecret, {
        route: "/mqtt/publish",
        fields: { topic: "greedy/t", message: "x" },
        from: PHONE,
      })));
    await crowd.open(port, flood.length);
    await crowd.send((index) => flood[index]?.bytes ?? new Uint8Array());
    assert((await crowd.statuses()).includes("429"), "The address's rate was not spent");
    for (let time = 0; time < 3; time++) await isServed(phone);
  }));
