/**
 * Fairness of the real process: for each resource shared by keys, addresses or devices, a greedy one takes as much as it
 * can, and a modest one is still served.
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
import { startBroker } from "../support/broker.ts";
import { clientAt } from "../support/client_at.ts";
import { RawConnections } from "../support/raw_connections.ts";
import { readStatuses, writeAll } from "../support/garbage.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway_process.ts";
import { nextEvent } from "../support/next_event.ts";
import { postBytes, rawRequest, type RawRequestOptions, sealRaw } from "../support/raw_request.ts";
import { UnreadHttp2 } from "../support/unread_http2.ts";
import { startWorkerJeedom, type WorkerJeedom } from "../support/jeedom_server.ts";

const MODEST = "198.51.100.7";
const GREEDY = "203.0.113.9";

const MB = 2 ** 20;

/** Rights of both keys. */
const RIGHTS = {
  services: ["jeedom", "mqtt"],
  publish: ["#"],
  subscribe: ["#"],
  methods: ["*"],
  brokers: ["*"],
  ownApikey: true,
};

/** Gateway with two keys of the same rights. */
interface Context {
  readonly gateway: GatewayProcess;
  readonly port: number;
  readonly jeedom: WorkerJeedom;
  readonly greedy: KeyRecord;
  readonly greedySecret: SecretKey;
  /** Client of the greedy key, at its own address. */
  readonly greedyClient: GatewayClient;
  readonly modest: KeyRecord;
  /** Client of the modest key, at its own address. */
  readonly client: GatewayClient;
  /** Connections that are closed at the end of the test. */
  readonly connections: RawConnections;
  /** Opens a stream that is closed at the end of the test. */
  listen(client: GatewayClient, filters: readonly string[], since?: Position): Promise<ConnectedStream>;
}

/** Options of the gateway. */
interface ContextOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly workers?: number;
  readonly flags?: readonly string[];
}

/** Runs a test with a gateway that has two keys, and checks its log for a crash. */
async function withTwoKeys(
  test: (context: Context) => Promise<void>,
  { env = {}, workers = 1000, flags = [] }: ContextOptions = {},
): Promise<void> {
  await using scope = new AsyncDisposableStack();
  const recordOf = (name: string) => makeRecord({ ...RIGHTS, name });
  const [greedy, modest] = [recordOf("greedy"), recordOf("modest")] as const;
  const jeedom = startWorkerJeedom(workers);
  scope.defer(() => jeedom.stop());
  const broker = await startBroker(["allow_anonymous true", "max_queued_messages 0"]);
  scope.defer(() => broker.stop());
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
  scope.defer(async () => void await gateway.stop());
  const connections = new RawConnections();
  scope.defer(() => connections.close());
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
      client: clientOf(modest, MODEST),
      connections,
      async listen(...subscription) {
        const stream = await connect(...subscription);
        scope.defer(() => stream.close());
        return stream;
      },
    }),
    120_000,
  );
  const crashes = gateway.output.lines.filter((line) => /^\s+at |Uncaught|nhandled|broke the gateway/.test(line));
  assertEquals(crashes, []);
}

/** Asserts that the first call and the first publish of a client succeed. */
async function assertServed(client: GatewayClient): Promise<void> {
  assertEquals((await within("a call", client.callJeedom("cmd::byId", { id: 1 }))).status, 200);
  assertEquals((await within("a publish", client.publish("modest/t", "m", { qos: 1 }))).status, 200);
}

/** Sends requests of the greedy key over separate open connections, each from another address. */
async function sendGreedy(
  { connections, greedySecret, port }: Pick<Context, "connections" | "greedySecret" | "port">,
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
  await connections.open(port, count);
  await connections.send((index) => sealed[index]?.bytes ?? new Uint8Array());
}

const addressAt = (index: number): string => `198.18.${Math.floor(index / 250)}.${1 + index % 250}`;

/** Connected stream. */
interface ConnectedStream {
  readonly events: AsyncGenerator<StreamEvent, void>;
  /** Closes the connection. */
  close(): Promise<void>;
}

/** Subscribes and waits for the first event. */
async function connect(client: GatewayClient, filters: readonly string[], since?: Position): Promise<ConnectedStream> {
  const closing = new AbortController();
  const events = client.subscribe(filters, { signal: closing.signal, resume: false, ...since ? { since } : {} });
  await nextEvent(events, "connected");
  return {
    events,
    async close() {
      closing.abort();
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

Deno.test("unread answers of one key do not abort a large answer of another", () =>
  withTwoKeys(async ({ port, greedySecret, client, greedyClient }) => {
    const http2 = await Promise.all([1, 2].map(() => UnreadHttp2.open(port)));
    try {
      // 60 answers of 400 KB sealed: more than the total limit of unread answers.
      for (const [index, connection] of Array.from({ length: 30 }, () => http2).flat().entries()) {
        const { text } = await sealRaw(greedySecret, {
          route: "/gateway",
          fields: { jsonrpc: "cmd::byId", params: { bytes: 300_000 } },
        });
        await connection.post("/gateway", text, addressAt(index));
      }
      const answered = () => http2.reduce((sum, { answered }) => sum + answered.size, 0);
      await until("all answers have started", () => answered() === 60);
      for (let time = 0; time < 3; time++) {
        const { body } = await client.callJeedom("cmd::byId", { bytes: 2_000_000 });
        assertEquals(JSON.stringify(body).match(/x+/)?.[0].length, 2_000_000);
      }
      // The greedy key itself is served as well, if it reads the answer.
      assertEquals((await greedyClient.callJeedom("cmd::byId", { id: 1 })).status, 200);
    } finally {
      await Promise.all(http2.map((connection) => connection.close()));
    }
  }, {
    env: { ...UNLIMITED_RATE, JEEDOM_MAX_RESPONSE_BYTES: "2200000", MAX_REQUESTS_PER_KEY: "200" },
  }));

Deno.test("large messages on the topics of one key do not evict the resume history of another's", () =>
  withTwoKeys(async ({ listen, greedyClient, client }) => {
    const first = await listen(client, ["modest/#"]);
    await client.publish("modest/n", "0", { qos: 1 });
    const position = positionOf(await nextEvent(first.events, "message"));
    await first.close();
    await client.publish("modest/n", "1", { qos: 1 });
    const greedy = await listen(greedyClient, ["greedy/#"]);
    for (let index = 0; index < 13; index++) {
      await greedyClient.publish("greedy/n", `${index}`.padEnd(98_000, "x"), { qos: 1 });
      await nextEvent(greedy.events, "message");
    }
    await client.publish("modest/n", "2", { qos: 1 });
    const resumed = await listen(client, ["modest/#"], position);
    // Without a gap event before them.
    for (const expected of ["1", "2"]) assertEquals(payloadOf(await nextEvent(resumed.events, "message")), expected);
  }, { env: { ...UNLIMITED_RATE, RESUME_BYTES: String(MB) } }));

Deno.test("only the key that fills the replay store is refused", () =>
  withTwoKeys(async (context) => {
    const { client, connections } = context;
    await sendGreedy(context, 400, {
      route: "/mqtt/publish",
      fields: () => ({ topic: "greedy/t", message: "x" }),
    });
    const statuses = new Set(await connections.statuses());
    assert(statuses.has("503"), `The replay store was not filled: ${[...statuses]}`);
    for (let index = 0; index < 10; index++) await assertServed(client);
    // 341 requests fit at most.
  }, { env: { ...UNLIMITED_RATE, REPLAY_MEMORY_BYTES: String(64 * 1024), MAX_REQUESTS_PER_KEY: "500" } }));

Deno.test("large answers of one key do not evict the stored answer of another", () =>
  withTwoKeys(async ({ gateway, greedyClient, modest, port }) => {
    const secret = await importSecretKey(modest.secret);
    const { bytes } = await rawRequest(secret, {
      route: "/gateway",
      fields: { jsonrpc: "cmd::byId", params: { bytes: 1000 } },
      from: MODEST,
    });
    const first = await exchange(port, bytes);
    for (let index = 0; index < 30; index++) await greedyClient.callJeedom("cmd::byId", { bytes: 150_000 });
    // A client whose connection broke sends the same bytes again.
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

Deno.test("aborted long polls of one key leave Jeedom's workers to another", () =>
  withTwoKeys(async (context) => {
    const { jeedom, client, connections } = context;
    const polls = 30;
    await sendGreedy(context, polls, {
      route: "/gateway",
      fields: (index) => ({ jsonrpc: "event::changes", params: { longPolling: 60, datetime: index } }),
    });
    // Each poll has reached Jeedom or was refused.
    let refused = 0;
    for (const connection of connections.connections) {
      connection.read(new Uint8Array(1000)).then((count) => refused += count === null ? 0 : 1, () => {});
    }
    await until("all polls have run or were refused", () => jeedom.polls + refused === polls || jeedom.busy === 20);
    connections.close();
    assert(jeedom.polls > 0, "No poll reached Jeedom");
    await assertServed(client);
    const own = client.callJeedom("event::changes", { longPolling: 1, datetime: 1 });
    assertEquals((await within("the modest key's own poll", own)).status, 200);
  }, {
    workers: 20,
    env: { ...UNLIMITED_RATE, JEEDOM_MAX_POLLS: "12", JEEDOM_MAX_POLLS_PER_KEY: "6" },
  }));

/** Failing requests from the address of the modest key. */
const FAILURES: readonly (readonly [name: string, make: (context: Context) => Promise<Uint8Array> | Uint8Array])[] = [
  ["garbage", () => postBytes("/gateway", randomBytes(60).toBase64(), { "X-Forwarded-For": MODEST })],
  [
    "garbage with the key id of another key",
    ({ greedySecret: { kid } }) =>
      postBytes("/gateway", `2.${kid}.${toBase64Url(randomBytes(60))}`, { "X-Forwarded-For": MODEST }),
  ],
  [
    "version 1 garbage with the key id of another key",
    ({ greedySecret: { kid } }) =>
      postBytes("/gateway", randomBytes(60).toBase64(), { "X-Forwarded-For": MODEST, "E2E-Key-Id": kid }),
  ],
  [
    "garbage with an unknown key id",
    () =>
      postBytes("/gateway", `2.${randomBytes(8).toHex()}.${toBase64Url(randomBytes(60))}`, {
        "X-Forwarded-For": MODEST,
      }),
  ],
  [
    "a web page's cross-site posts",
    () =>
      postBytes("/gateway", "no-cors", {
        "X-Forwarded-For": MODEST,
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
        from: MODEST,
        age: 7200,
      });
      return bytes;
    },
  ],
];

const toBase64Url = (bytes: Uint8Array) => bytes.toBase64({ alphabet: "base64url", omitPadding: true });

for (const [name, make] of FAILURES) {
  Deno.test(`${name} from a client's own address do not lock it out`, () =>
    withTwoKeys(async (context) => {
      const { connections, gateway, modest, client, port } = context;
      const older = new GatewayClient({
        url: gateway.url,
        key: modest.secret.toHex(),
        protocol: 1,
        fetch: (input, init) => fetch(input, { ...init, headers: { ...init?.headers, "X-Forwarded-For": MODEST } }),
      });
      // Both clients have used their address before.
      for (const each of [client, older]) await assertServed(each);
      const failures = await Promise.all(Array.from({ length: 60 }, () => make(context)));
      await connections.open(port, failures.length);
      await connections.send((index) => failures[index] ?? new Uint8Array());
      const statuses = await connections.statuses();
      assert(!statuses.includes(""), "A failing request had no answer");
      for (const each of [client, older]) await assertServed(each);
    }, {
      // Only failures are limited here; the rates of requests have their own tests.
      env: { ADDRESS_RATE: "1000", ADDRESS_BURST: "10000", KEY_RATE: "1000", KEY_BURST: "10000" },
    }));
}

Deno.test("requests from all networks of one IPv6 /48 take bounded memory, and another client is served", async () => {
  const { flag, inspect } = prepareInspection();
  await withTwoKeys(async ({ port, client }) => {
    const inspector = await inspect();
    try {
      const heapAfter = async (site: number): Promise<number> => {
        await Promise.all(Array.from({ length: FLOODERS }, (_, part) => floodFrom(port, { site, part })));
        await inspector.collectGarbage();
        return await inspector.heapBytes();
      };
      const first = await heapAfter(1);
      const growth = await heapAfter(2) - first;
      // 3,200 networks would take 3 MB if each were counted separately.
      assert(growth < 1.5 * MB, `The heap grew by ${Math.round(growth / 1024)} KB`);
      await assertServed(client);
    } finally {
      inspector.close();
    }
  }, { flags: [flag] });
});

/** Connections of a flood, and networks of each of them. */
const FLOODERS = 8;
const NETWORKS = 400;

/** Requests of one network: above one per second, so that they are counted for longer than a second. */
const EACH = 3;

/** Requests in flight at a time. */
const BATCH = 50;

/** Sends garbage from networks of one /48 and reads all answers. */
async function floodFrom(
  port: number,
  { site, part }: { readonly site: number; readonly part: number },
): Promise<void> {
  const requests = Array.from({ length: NETWORKS * EACH }, (_, index) => {
    const network = (part * NETWORKS + Math.floor(index / EACH)).toString(16);
    return postBytes("/gateway", "AAAA", { "X-Forwarded-For": `2001:db8:${site}:${network}::1` });
  });
  for (let at = 0; at < requests.length;) {
    // The gateway closes the connection after a body that it does not read.
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const statuses = readStatuses(connection);
    for (let isOpen = true; isOpen && at < requests.length;) {
      const batch = requests.slice(at, at + BATCH);
      const writing = (async () => {
        for (const request of batch) await writeAll(connection, request);
      })().catch(() => {});
      for (let answers = 0; answers < batch.length && isOpen; answers++) {
        isOpen = !(await statuses.next()).done;
        if (isOpen) at += 1;
      }
      await writing;
    }
  }
}

Deno.test("a key with its maximum of requests leaves the rest to another", () =>
  withTwoKeys(async (context) => {
    const { jeedom, client } = context;
    await sendGreedy(context, 12, {
      route: "/gateway",
      fields: () => ({ jsonrpc: "cmd::byId", params: { wait: true } }),
    });
    await until("the greedy key's calls run", () => jeedom.busy === 4);
    for (let time = 0; time < 3; time++) await assertServed(client);
    assertEquals(jeedom.busy, 4);
  }, { env: { ...UNLIMITED_RATE, MAX_REQUESTS: "8", MAX_REQUESTS_PER_KEY: "4" } }));

Deno.test("addresses with their maximum of pending bodies leave the rest to another, even a slow one", () =>
  withTwoKeys(async ({ connections, modest, client, port }) => {
    const secret = await importSecretKey(modest.secret);
    const fields = { jsonrpc: "cmd::byId" };
    const { bytes } = await rawRequest(secret, { route: "/gateway", fields, from: MODEST });
    const slow = new RawConnections();
    try {
      // A client with a slow connection has sent half of its request.
      await slow.open(port, 1);
      await slow.send(() => bytes.subarray(0, -9));
      await connections.open(port, 48);
      await connections.send((index) =>
        postBytes("/gateway", "unfinished", { "X-Forwarded-For": `203.0.113.${index % 3}` }).subarray(0, -1)
      );
      // Each address may have 16 pending bodies, all together eight.
      for (let time = 0; time < 3; time++) await assertServed(client);
      await slow.send(() => bytes.subarray(-9));
      assertEquals(await slow.statuses(), ["200"]);
    } finally {
      slow.close();
    }
  }, { env: { ...UNLIMITED_RATE, MAX_BODIES: "8", MAX_REQUESTS_PER_ADDRESS: "16", BODY_TIMEOUT_MS: "60000" } }));

Deno.test("a key with its maximum of streams leaves the rest to another", () =>
  withTwoKeys(async (context) => {
    const { listen, connections, client } = context;
    await sendGreedy(context, 8, { route: "/mqtt/subscribe", fields: () => ({ topic: "greedy/#" }) });
    assertEquals(new Set(await connections.statuses()), new Set(["200"]));
    const own = await listen(client, ["modest/#"]);
    await client.publish("modest/n", "0", { qos: 1 });
    assertEquals(payloadOf(await nextEvent(own.events, "message")), "0");
  }, { env: { ...UNLIMITED_RATE, MAX_STREAMS: "6", MAX_STREAMS_PER_KEY: "3" } }));

Deno.test("thousands of abandoned filters of one key leave room for those of another", () =>
  withTwoKeys(async (context) => {
    const { listen, greedySecret, client, port } = context;
    for (let round = 0; round < 6; round++) {
      const connections = new RawConnections();
      await sendGreedy({ connections, greedySecret, port }, 20, {
        route: "/mqtt/subscribe",
        fields: (index) => ({
          topics: Array.from({ length: 100 }, (_, filter) => `greedy/${round}/${index}/${filter}`),
        }),
      });
      await connections.statuses();
      connections.close();
    }
    const own = await listen(client, Array.from({ length: 100 }, (_, index) => `modest/${index}/#`));
    await client.publish("modest/99/n", "0", { qos: 1 });
    assertEquals(payloadOf(await nextEvent(own.events, "message")), "0");
  }, { env: UNLIMITED_RATE }));

Deno.test("unread streams of one key do not delay another's on the same topic", () =>
  withTwoKeys(async (context) => {
    const { listen, greedySecret, client, port } = context;
    const http2 = await UnreadHttp2.open(port);
    try {
      for (let index = 0; index < 20; index++) {
        const { text } = await sealRaw(greedySecret, { route: "/mqtt/subscribe", fields: { topic: "shared/#" } });
        await http2.post("/mqtt/subscribe", text, addressAt(index));
      }
      await until("all streams begun", () => http2.answered.size === 20);
      const own = await listen(client, ["shared/#"]);
      for (let index = 0; index < 40; index++) {
        await client.publish("shared/n", `${index}`.padEnd(30_000), { qos: 1 });
        assertEquals(payloadOf(await nextEvent(own.events, "message"))?.trim(), `${index}`);
      }
    } finally {
      await http2.close();
    }
  }, { env: UNLIMITED_RATE }));

Deno.test("unread retained messages of one key do not block those of another", () =>
  withTwoKeys(async (context) => {
    const { listen, greedySecret, greedyClient, client, port } = context;
    for (let index = 0; index < 20; index++) {
      await greedyClient.publish(`greedy/${index}`, "x".repeat(30_000), { retain: true, qos: 1 });
      await client.publish(`modest/${index}`, "y".repeat(5_000), { retain: true, qos: 1 });
    }
    const http2 = await UnreadHttp2.open(port);
    try {
      for (let index = 0; index < 10; index++) {
        const { text } = await sealRaw(greedySecret, { route: "/mqtt/subscribe", fields: { topic: "greedy/#" } });
        await http2.post("/mqtt/subscribe", text, addressAt(index));
      }
      await until("all streams begun", () => http2.answered.size === 10);
      // 600 KB for each stream, and 400 KB for the backlog of all streams.
      for (let time = 0; time < 3; time++) {
        const own = await listen(client, ["modest/#"]);
        const topics = new Set<string>();
        while (topics.size < 20) {
          const event = await nextEvent(own.events, "message");
          if (event.type === "message") topics.add(event.topic);
        }
      }
    } finally {
      await http2.close();
    }
  }, { env: { ...UNLIMITED_RATE, BACKLOG_BYTES: "400000", LISTENER_QUEUE_BYTES: "16384" } }));

Deno.test("a large retained message is skipped, and those of other devices arrive", () =>
  withTwoKeys(async ({ listen, greedyClient, client }) => {
    await greedyClient.publish("home/a", "x".repeat(500_000), { retain: true, qos: 1 });
    await greedyClient.publish("home/b", "21.5", { retain: true, qos: 1 });
    const own = await listen(client, ["home/#"]);
    let value: string | null | undefined;
    // A gap event may report the large one.
    while (value === undefined) {
      const { value: event } = await within("an event", own.events.next());
      if (!event) throw new Error("The stream ended");
      if (event.type !== "gap") assertEquals(event.type, "message");
      value = payloadOf(event);
    }
    assertEquals(value, "21.5");
    await client.publish("home/c", "live", { qos: 1 });
    assertEquals(payloadOf(await nextEvent(own.events, "message")), "live");
  }, { env: { ...UNLIMITED_RATE, MAX_EVENT_BYTES: "10000" } }));

Deno.test("many logins of one key leave broker connections to another", () =>
  withTwoKeys(async (context) => {
    const { listen, connections, gateway, client } = context;
    // The gateway's own connection is idle meanwhile.
    await assertServed(client);
    await sendGreedy(context, 10, {
      route: "/mqtt/subscribe",
      fields: (index) => ({ topic: "greedy/#", username: `user-${index}`, password: "x" }),
    });
    assertEquals(new Set(await connections.statuses()), new Set(["200"]));
    // Each stream has a connection or was refused one.
    const finished = () => gateway.output.lines.filter((line) => line.includes("/mqtt/subscribe")).length;
    await until("all streams have a connection or were refused", () => finished() >= 10);
    await assertServed(client);
    const options = { username: "modest", password: "x", qos: 1 } as const;
    const answer = await within("a publish with a login", client.publish("modest/t", "m", options));
    assertEquals(answer.status, 200);
    await listen(client, ["modest/#"]);
  }, { env: { ...UNLIMITED_RATE, MQTT_MAX_CONNECTIONS: "6" } }));

Deno.test("a key that exhausts its rate does not affect another key", () =>
  withTwoKeys(async (context) => {
    const { connections, client } = context;
    await sendGreedy(context, 100, { route: "/mqtt/publish", fields: () => ({ topic: "greedy/t", message: "x" }) });
    await connections.statuses();
    for (let time = 0; time < 4; time++) await assertServed(client);
  }, { env: { KEY_RATE: "1", KEY_BURST: "10" } }));

Deno.test("a client is served even if another key exhausts the rate of its address", () =>
  withTwoKeys(async ({ connections, greedySecret, client, port }) => {
    await assertServed(client);
    const flood = await Promise.all(Array.from({ length: 300 }, () =>
      rawRequest(greedySecret, {
        route: "/mqtt/publish",
        fields: { topic: "greedy/t", message: "x" },
        from: MODEST,
      })));
    await connections.open(port, flood.length);
    await connections.send((index) => flood[index]?.bytes ?? new Uint8Array());
    assert((await connections.statuses()).includes("429"), "The rate of the address was not exhausted");
    for (let time = 0; time < 3; time++) await assertServed(client);
  }));
