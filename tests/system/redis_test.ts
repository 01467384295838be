/** The real gateway with a real Redis: replay protection over restarts, and no request is executed twice or unrecorded. */
import { assert, assertEquals } from "@std/assert";
import { ExpiredError, UnavailableError } from "../../src/client/gateway_client.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import { until, within } from "../support/deadline.ts";
import { REDIS_SERVER, type TestRedis, withRedis } from "../support/redis_server.ts";
import { startCluster } from "../support/redis_cluster.ts";
import { startSentinels } from "../support/redis_sentinel.ts";
import { needing } from "../support/needs.ts";
import { type GatewayProcess, startGatewayProcess, UNLIMITED } from "../support/gateway_process.ts";
import { type JeedomServer, startJeedom } from "../support/jeedom_server.ts";

const NEEDS = { "redis-server": REDIS_SERVER };

interface RedisContext {
  readonly redis: TestRedis;
  readonly jeedom: JeedomServer;
  /** Starts a gateway with the same Redis, Jeedom and key as the others. */
  start(env?: Record<string, string>): Promise<GatewayProcess>;
}

async function withRedisGateways(appendonly: boolean, test: (context: RedisContext) => Promise<void>): Promise<void> {
  const jeedom = startJeedom();
  const directory = await Deno.makeTempDir({ prefix: "gateway-" });
  const started: GatewayProcess[] = [];
  try {
    await withRedis({ appendonly }, async (redis) => {
      const start = async (env: Record<string, string> = {}) => {
        const gateway = await startGatewayProcess({
          JEEDOM_URL: jeedom.url,
          JEEDOM_APIKEY: jeedom.apikey,
          REDIS_URL: redis.url().href,
          ...env,
        }, { directory });
        started.push(gateway);
        return gateway;
      };
      try {
        await within("the test", test({ redis, jeedom, start }), 120_000);
      } finally {
        for (const gateway of started) await gateway.stop();
      }
    });
  } finally {
    await jeedom.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

/** Seals a call with a unique id. */
async function sealCall({ key }: GatewayProcess, id: string, timestamp = Date.now() / 1000): Promise<string> {
  const call = { jsonrpc: "version", params: { id }, timestamp };
  return await sealEnvelope(await importKey(Uint8Array.fromHex(key)), JSON.stringify(call), randomBytes);
}

async function post({ url }: GatewayProcess, body: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}/gateway`, { method: "POST", body });
  return { status: response.status, text: await response.text() };
}

/** Posts a request; returns the sealed status of its answer, or the HTTP status without one. */
async function statusOf(gateway: GatewayProcess, body: string): Promise<number> {
  const { status, text } = await post(gateway, body);
  if (status !== 200) return status;
  const secret = await importKey(Uint8Array.fromHex(gateway.key));
  return JSON.parse(await openEnvelope(secret, parseEnvelope(text))).status;
}

/** Returns the number of calls that Jeedom received with each id. */
async function runsOf({ requests }: JeedomServer): Promise<Map<string, number>> {
  const runs = new Map<string, number>();
  for (const request of requests) {
    const { params } = await request.clone().json();
    runs.set(params.id, (runs.get(params.id) ?? 0) + 1);
  }
  return runs;
}

async function untilServing({ client }: GatewayProcess): Promise<void> {
  await until("the gateway accepts requests", async () => {
    try {
      return (await client.callJeedom("ping")).status === 200;
    } catch (error) {
      // Expired: an empty store refuses earlier timestamps.
      if (error instanceof UnavailableError || error instanceof ExpiredError) return false;
      throw error;
    }
  });
}

Deno.test(
  needing("a replay is detected by another gateway with the same Redis, and after a restart", NEEDS),
  () =>
    withRedisGateways(false, async ({ redis, jeedom, start }) => {
      const one = await start();
      await untilServing(one);
      const early = await sealCall(one, "early");
      const body = await sealCall(one, "once");
      const first = await post(one, body);
      // Under its former name.
      const other = await start({ REDIS_URL: "", REPLAY_REDIS_URL: redis.url().href });
      await untilServing(other);
      assertEquals(await post(other, body), first);
      await one.stop();
      const again = await start();
      await untilServing(again);
      assertEquals(await post(again, body), first);
      // Older than this process and never seen: with a persistent store, it may be executed.
      assertEquals((await post(again, early)).status, 200);
      const runs = await runsOf(jeedom);
      assertEquals([runs.get("once"), runs.get("early")], [1, 1]);
    }),
);

Deno.test(
  needing("without Redis no request is executed, and the answer says why; unknown keys still get 401", NEEDS),
  () =>
    withRedisGateways(false, async ({ redis, jeedom, start }) => {
      await redis.kill();
      const gateway = await start();
      const refused = await post(gateway, await sealCall(gateway, "unseen"));
      assertEquals(refused, { status: 503, text: '{"error":"Replay store is out of reach: nothing runs without it"}' });
      assertEquals((await post(gateway, randomBytes(60).toBase64())).status, 401);
      assertEquals((await gateway.client.health()).status, "ok");
      assertEquals(jeedom.requests.length, 0);
      await redis.start();
      await untilServing(gateway);
    }),
);

for (const appendonly of [false, true]) {
  Deno.test(
    needing(
      `Redis killed and restarted under load${
        appendonly ? ", with its append-only file" : ", empty"
      }: no request is executed twice or unrecorded`,
      NEEDS,
    ),
    () =>
      withRedisGateways(appendonly, async ({ redis, jeedom, start }) => {
        const gateway = await start(UNLIMITED);
        await untilServing(gateway);
        const sent: { id: string; body: string; status: number }[] = [];
        let loading = true;
        const load = async (worker: number) => {
          for (let index = 0; loading; index++) {
            const id = `${worker}-${index}`;
            // The clocks of some clients are ahead.
            const body = await sealCall(gateway, id, Date.now() / 1000 + (worker % 2) * 30);
            sent.push({ id, body, status: await statusOf(gateway, body) });
          }
        };
        const workers = Array.from({ length: 8 }, (_, worker) => load(worker));
        const count = (status: number) => sent.filter((one) => one.status === status).length;
        await until("load is running", () => count(200) > 200);
        await redis.kill();
        await until("requests are refused", () => count(503) > 50);
        const ran = jeedom.requests.length;
        await until("more requests are refused", () => count(503) > 200);
        assertEquals(jeedom.requests.length, ran, "Something ran unseen");
        await redis.start();
        const before = count(200);
        await until("requests succeed again", () => count(200) > before + 100);
        loading = false;
        await Promise.all(workers);

        for (const { body } of sent) await post(gateway, body);
        const runs = await runsOf(jeedom);
        assertEquals([...runs].filter(([id, times]) => id !== undefined && times > 1), [], "Some ran twice");
        assertEquals(sent.filter(({ id, status }) => status === 200 && !runs.has(id)), [], "Some were answered unrun");
      }),
  );
}

Deno.test(
  needing("rate limits are counted in Redis for all gateways together, and in memory while it is unavailable", NEEDS),
  () =>
    withRedisGateways(false, async ({ redis, start }) => {
      const [one, other] = [
        await start({ KEY_BURST: "10", KEY_RATE: "1" }),
        await start({ KEY_BURST: "10", KEY_RATE: "1" }),
      ];
      await untilServing(one);
      await untilServing(other);
      const began = performance.now();
      let passed = 0;
      await until("the rate is exhausted", async () => {
        const { client } = passed % 2 === 0 ? one : other;
        const status = await client.callJeedom("ping").then(({ status }) => status, ({ status }) => status);
        if (status === 200) passed += 1;
        return status === 429;
      });
      // One more request per second: on a slow machine it takes several.
      const more = Math.ceil((performance.now() - began) / 1000);
      assert(passed <= 10 + more, `${passed} passed`);
      await redis.kill();
      const sendUnknown = () => post(one, randomBytes(60).toBase64());
      const failures = await Promise.all(Array.from({ length: 5 }, sendUnknown));
      assertEquals(new Set(failures.map(({ status }) => status)), new Set([401]));
      await until("the rate of failures is exhausted", async () => (await sendUnknown()).status === 429);
    }),
);

Deno.test(
  needing("after a failover by sentinels the gateway serves again, and no request runs twice", NEEDS),
  async () => {
    const jeedom = startJeedom();
    await using scope = new AsyncDisposableStack();
    scope.defer(() => jeedom.stop());
    const sentinels = await startSentinels(scope);
    const gateway = await startGatewayProcess({
      JEEDOM_URL: jeedom.url,
      JEEDOM_APIKEY: jeedom.apikey,
      REDIS_URL: sentinels.url().href,
      ...UNLIMITED,
    });
    scope.defer(async () => void await gateway.stop());
    await untilServing(gateway);
    const sent: string[] = [];
    const send = async () => {
      const body = await sealCall(gateway, `call-${sent.length}`);
      sent.push(body);
      return await statusOf(gateway, body);
    };
    for (let index = 0; index < 20; index++) assertEquals(await send(), 200);
    await sentinels.servers[0].kill();
    await until("requests are refused", async () => await send() === 503);
    await until("requests succeed again", async () => await send() === 200, 60_000);
    for (const body of sent) await post(gateway, body);
    assertEquals([...await runsOf(jeedom)].filter(([id, times]) => id !== undefined && times > 1), []);
  },
);

Deno.test(needing("a gateway in its sandbox uses a cluster", NEEDS), async () => {
  const jeedom = startJeedom();
  await using scope = new AsyncDisposableStack();
  scope.defer(() => jeedom.stop());
  const cluster = await startCluster(scope);
  const [first] = cluster.url.topology.hosts;
  const gateway = await startGatewayProcess({
    JEEDOM_URL: jeedom.url,
    JEEDOM_APIKEY: jeedom.apikey,
    // One node names the others.
    REDIS_URL: `redis+cluster://${first.host}:${first.port}`,
  });
  scope.defer(async () => void await gateway.stop());
  await untilServing(gateway);
  const body = await sealCall(gateway, "once");
  const answer = await post(gateway, body);
  assertEquals(await post(gateway, body), answer);
  assertEquals((await runsOf(jeedom)).get("once"), 1);
});
