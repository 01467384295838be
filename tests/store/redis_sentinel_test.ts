/** Redis with sentinels: the primary is found, followed, and never used once it may have been replaced. */
import { assertEquals, assertRejects } from "@std/assert";
import { parseHostPattern } from "../../src/net/egress.ts";
import { findServer } from "../../src/store/redis_address.ts";
import { type Ask, findPrimary } from "../../src/store/redis_sentinel.ts";
import { type Hosts, RedisUrl } from "../../src/net/redis_url.ts";
import { until } from "../support/deadline.ts";
import {
  type Gateway,
  type GatewayOptions,
  identity,
  kindOf,
  NOW,
  openGateway,
  untilLogged,
} from "../support/redis_gateway.ts";
import { needing } from "../support/needs.ts";
import { startSentinels, type TestSentinels, type TestSentinelsOptions } from "../support/redis_sentinel.ts";
import { REDIS_SERVER } from "../support/redis_server.ts";

const SENTINELS: Hosts = [{ host: "a", port: 1 }, { host: "b", port: 1 }, { host: "c", port: 1 }];

/** Makes sentinels of which each names a host with an epoch, or fails. */
const answering = (...answers: readonly (readonly [host: string, epoch: number] | undefined)[]): Ask => ({ host }) => {
  const answer = answers[SENTINELS.findIndex((sentinel) => sentinel.host === host)];
  if (answer === undefined) return Promise.reject(new Error(`${host} is down`));
  return Promise.resolve({ ip: answer[0], port: "6379", "config-epoch": String(answer[1]) });
};

Deno.test("findPrimary() returns the newest answer, and needs those of most sentinels", async () => {
  const old = ["old", 1] as const;
  const now = ["new", 2] as const;
  assertEquals((await findPrimary(SENTINELS, "home", answering(old, now, undefined))).host, "new");
  assertEquals((await findPrimary(SENTINELS, "home", answering(undefined, now, old))).host, "new");
  const few = () => findPrimary(SENTINELS, "home", answering(old, undefined, undefined));
  await assertRejects(few, Error, "2 of 3 sentinels do not name home: b is down");
});

Deno.test("findPrimary() does not wait for a silent sentinel", async () => {
  const ask: Ask = (server, command) =>
    server.host === "a" ? new Promise(() => {}) : answering(undefined, ["b", 1], ["b", 1])(server, command);
  assertEquals(await findPrimary(SENTINELS, "home", ask), { host: "b", port: 6379 });
});

Deno.test("findPrimary() refuses answers without an address", async () => {
  for (const reply of [null, "x", [], { ip: 1, port: "1", "config-epoch": "1" }, { ip: "a", port: "x" }]) {
    await assertRejects(() => findPrimary(SENTINELS, "home", () => Promise.resolve(reply)), Error, "unknown answer");
  }
});

interface Context {
  readonly sentinels: TestSentinels;
  open(options?: GatewayOptions): Gateway;
}

function sentinelTest(
  name: string,
  test: (context: Context) => Promise<void>,
  options: TestSentinelsOptions = {},
): void {
  Deno.test(needing(name, { "redis-server": REDIS_SERVER }), async () => {
    await using scope = new AsyncDisposableStack();
    const sentinels = await startSentinels(scope, options);
    const open = (options: GatewayOptions = {}) => {
      const login = options.password === undefined ? "" : `:${options.password}`;
      const gateway = openGateway(sentinels.url(login), options);
      scope.defer(() => gateway.close());
      return gateway;
    };
    await test({ sentinels, open });
  });
}

sentinelTest(
  "after a failover claims succeed, and what the new primary lost is refused",
  async ({ sentinels, open }) => {
    const { servers: [primary, replica] } = sentinels;
    const gateways = [open(), open()] as const;
    const [one, other] = gateways;
    const requests = Array.from({ length: 20 }, (_, index) => identity(index + 1));
    for (const request of requests) assertEquals(await kindOf(one, request), "first");
    assertEquals(await kindOf(other, identity(1)), "repeat");

    // Replication is asynchronous: the replica may lack the newest keys, and has the marker.
    await replica.command("CONFIG", "SET", "replica-read-only", "no");
    const keys = await replica.command("KEYS", "test:0123456789abcdef:*");
    if (!Array.isArray(keys) || keys.length === 0) throw new Error("The replica has no keys");
    await replica.command("DEL", ...keys.map(String));
    for (const { clock } of gateways) clock.seconds = NOW + 2;
    await primary.kill();

    for (const gateway of gateways) {
      const later = (nonce: number) => identity(nonce, { timestamp: NOW + 10 });
      const nonce = gateway === one ? 101 : 102;
      await untilLogged(gateway, "warn Redis may have lost requests that ran");
      assertEquals(await kindOf(gateway, later(nonce)), "first");
      for (const request of requests) assertEquals(await kindOf(gateway, request), "forgotten");
      await untilLogged(gateway, `info Connected to Redis at 127.0.0.1:${replica.port}`);
    }
  },
);

sentinelTest(
  "without most of the sentinels nothing is claimed, as they may have another primary",
  async ({ sentinels, open }) => {
    const gateway = open({ timeoutMs: 2000 });
    assertEquals(await kindOf(gateway, identity(1)), "first");
    sentinels.signal("SIGSTOP", 1);
    sentinels.signal("SIGCONT", 1);
    assertEquals(await kindOf(gateway, identity(2)), "first");
    sentinels.signal("SIGSTOP", 2);
    await until("the connection ends", async () => (await gateway.store.claim(identity(3))).kind === "unavailable");
    await untilLogged(gateway, "2 of 3 sentinels do not name home");
    sentinels.signal("SIGCONT", 2);
    assertEquals(await kindOf(gateway, identity(4)), "first");
  },
);

sentinelTest(
  "an old primary that is a replica now ends the connection, and is not used again",
  async ({ sentinels, open }) => {
    const gateway = open();
    assertEquals(await kindOf(gateway, identity(1)), "first");
    const [primary, replica] = sentinels.servers;
    await primary.command("REPLICAOF", "127.0.0.1", `${replica.port}`);
    const { store } = gateway;
    await until("it is noticed", async () => (await store.claim(identity(2))).kind === "unavailable");
    await untilLogged(gateway, "warn No connection to Redis");
  },
);

const [SESAME, OTHER] = ["sesame-of-redis", "sesame-of-sentinels"];

sentinelTest("sentinels get their own login, never that of Redis", async ({ open }) => {
  const login = { username: undefined, password: OTHER };
  const right = open({ password: SESAME, servers: { sentinelLogin: login } });
  assertEquals(await kindOf(right, identity(1)), "first");
  const wrong = open({ password: SESAME });
  await untilLogged(wrong, "NOAUTH");
  assertEquals(wrong.lines.join().includes("sesame"), false);
}, {
  password: SESAME,
  sentinelLines: [
    ...[`requirepass ${OTHER}`, `sentinel sentinel-pass ${OTHER}`, `sentinel auth-pass home ${SESAME}`],
  ],
});

sentinelTest("findServer() refuses a server that is announced and not allowed", async ({ sentinels }) => {
  const { signal } = new AbortController();
  const url = new RedisUrl(sentinels.url().href.replaceAll("127.0.0.1", "localhost"));
  const { port } = sentinels.servers[0];
  await assertRejects(
    () => findServer({ url, timeoutMs: 4000 }, signal),
    Error,
    `127.0.0.1:${port} was announced, which neither REDIS_URL nor REDIS_NODES has`,
  );
  const nodes = [parseHostPattern("127.0.0.0/8")];
  assertEquals(await findServer({ url, nodes, timeoutMs: 4000 }, signal), { host: "127.0.0.1", port });
});
