/** Redis Cluster: all keys are in one slot, and the connection follows it. */
import { assertEquals, assertRejects } from "@std/assert";
import { createRateLimiter } from "../../src/limits/rate_limiter.ts";
import { redisCounter } from "../../src/store/counters.ts";
import { keyPrefix } from "../../src/store/redis_keys.ts";
import { findNode } from "../../src/store/redis_cluster.ts";
import type { Ask } from "../../src/store/redis_sentinel.ts";
import type { Hosts } from "../../src/net/redis_url.ts";
import { until } from "../support/deadline.ts";
import { needing } from "../support/needs.ts";
import { startCluster, type TestCluster } from "../support/redis_cluster.ts";
import { type Gateway, identity, kindOf, NOW, openGateway, untilLogged } from "../support/redis_gateway.ts";
import { REDIS_SERVER } from "../support/redis_server.ts";

const NODES: Hosts = [{ host: "a", port: 1 }, { host: "b", port: 2 }];

/** Makes nodes of which each replies or fails with a text. */
const failing = (...faults: readonly (string | undefined)[]): Ask => ({ port }) => {
  const fault = faults[port - 1];
  return fault === undefined ? Promise.resolve(null) : Promise.reject(new Error(fault));
};

Deno.test("findNode() returns the node that replies, or the one that another names", async () => {
  assertEquals(await findNode(NODES, "key", failing("CLUSTERDOWN The cluster is down", undefined)), NODES[1]);
  assertEquals(await findNode(NODES, "key", failing("MOVED 7 fd00::1:7000", "x")), { host: "fd00::1", port: 7000 });
  assertEquals(await findNode(NODES, "key", failing("x", "MOVED 7 :7000")), { host: "b", port: 7000 });
  await assertRejects(() => findNode(NODES, "key", failing("one", "other")), Error, "one");
});

interface Context {
  readonly cluster: TestCluster;
  readonly prefix: string;
  open(): Gateway;
}

function clusterTest(name: string, test: (context: Context) => Promise<void>): void {
  Deno.test(needing(name, { "redis-server": REDIS_SERVER }), async () => {
    await using scope = new AsyncDisposableStack();
    const cluster = await startCluster(scope);
    const prefix = keyPrefix(cluster.url);
    await test({
      cluster,
      prefix,
      open() {
        const gateway = openGateway(cluster.url, { prefix: `${prefix}replay:` });
        scope.defer(() => gateway.close());
        return gateway;
      },
    });
  });
}

clusterTest("requests and rates of all gateways are in one slot of a cluster", async ({ cluster, prefix, open }) => {
  const [one, other] = [open(), open()];
  for (const nonce of [1, 2, 3]) assertEquals(await kindOf(one, identity(nonce)), "first");
  assertEquals(await kindOf(other, identity(1)), "repeat");
  const limiterOf = ({ connection }: typeof one) =>
    createRateLimiter("address", {
      rate: { burst: 3, perSecond: 1 },
      createCounter: redisCounter({ connection, prefix }),
    });
  const [limiter, same] = [limiterOf(one), limiterOf(other)];
  const id = "198.51.100.1";
  // Again where another second has begun in between.
  await until("rates are counted together", async () => await limiter.take(id) > 0 && await same.peek(id) > 0);

  const node = await cluster.nodeOf(prefix);
  const slot = await cluster.slotOf(prefix);
  for (const each of cluster.nodes) {
    const inSlot = Number(await each.command("CLUSTER", "COUNTKEYSINSLOT", `${slot}`));
    assertEquals(Number(await each.command("DBSIZE")), inSlot);
    assertEquals(inSlot > 3, each === node);
  }
});

clusterTest(
  "claims follow the slot to another node, and nothing is accepted twice on the way",
  async ({ cluster, prefix, open }) => {
    const gateway = open();
    const requests = Array.from({ length: 10 }, (_, index) => identity(index + 1));
    for (const request of requests) assertEquals(await kindOf(gateway, request), "first");
    const from = await cluster.nodeOf(prefix);
    const [to] = cluster.nodes.filter((node) => node !== from);
    if (to === undefined) throw new Error("There is one node only");
    const complete = await cluster.moveSlot(prefix, to);
    // Neither node has all keys while they move.
    assertEquals((await gateway.store.claim(identity(11))).kind, "unavailable");
    await complete();
    gateway.clock.seconds = NOW + 2;
    await untilLogged(gateway, "warn Redis may have lost requests that ran");
    assertEquals(await kindOf(gateway, identity(12, { timestamp: NOW + 10 })), "first");
    await untilLogged(gateway, `info Connected to Redis at 127.0.0.1:${to.port}`);
    for (const request of requests) assertEquals(await kindOf(gateway, request), "forgotten");
  },
);

clusterTest(
  "claims succeed after a node was replaced by its replica, and what that lost is refused",
  async ({ cluster, prefix, open }) => {
    const gateway = open();
    const node = await cluster.nodeOf(prefix);
    const replica = await cluster.addReplica(node);
    assertEquals(await kindOf(gateway, identity(1)), "first");
    await until("the replica has the key", async () => Number(await replica.command("DBSIZE")) > 1);
    gateway.clock.seconds = NOW + 2;
    await node.kill();
    await untilLogged(gateway, "warn Redis may have lost requests that ran");
    assertEquals(await kindOf(gateway, identity(2, { timestamp: NOW + 10 })), "first");
    await untilLogged(gateway, `info Connected to Redis at 127.0.0.1:${replica.port}`);
    assertEquals(await kindOf(gateway, identity(1)), "forgotten");
  },
);
