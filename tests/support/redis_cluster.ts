/** A cluster of three nodes for tests, on loopback. */
import { RedisUrl } from "../../src/net/redis_url.ts";
import { until } from "./deadline.ts";
import { freePort } from "./loopback.ts";
import { startRedis, type TestRedis } from "./redis_server.ts";

/** Number of slots of every cluster. */
const SLOTS = 16_384;

/** A cluster. */
export interface TestCluster {
  /** Its nodes, each with a third of the slots. */
  readonly nodes: readonly TestRedis[];
  /** Its address. */
  readonly url: RedisUrl;
  /** Returns the slot of a key. */
  slotOf(key: string): Promise<number>;
  /** Returns the node that serves the slot of a key. */
  nodeOf(key: string): Promise<TestRedis>;
  /** Begins to move the slot of a key from its node to another one; returns a function that completes it. */
  moveSlot(key: string, to: TestRedis): Promise<() => Promise<void>>;
  /** Adds a replica of a node, and waits until it is connected. */
  addReplica(of: TestRedis): Promise<TestRedis>;
}

/** Starts the nodes and waits until the cluster works; `scope` stops them. */
export async function startCluster(scope: AsyncDisposableStack): Promise<TestCluster> {
  const busPorts = new Map<TestRedis, number>();
  const start = async () => {
    const busPort = freePort();
    const node = await startRedis(scope, {
      args: [
        ...["--cluster-enabled", "yes", "--cluster-port", `${busPort}`, "--cluster-node-timeout", "2000"],
        ...["--cluster-config-file", "nodes.conf", "--cluster-replica-validity-factor", "0", "--appendonly", "yes"],
      ],
    });
    busPorts.set(node, busPort);
    return node;
  };
  const nodes = [await start(), await start(), await start()];
  const [first, ...others] = nodes;
  if (first === undefined) throw new Error("No node");
  const meet = (node: TestRedis) =>
    first.command("CLUSTER", "MEET", "127.0.0.1", `${node.port}`, `${busPorts.get(node)}`);
  const share = Math.ceil(SLOTS / nodes.length);
  for (const [index, node] of nodes.entries()) {
    const last = Math.min(SLOTS, (index + 1) * share) - 1;
    await node.command("CLUSTER", "ADDSLOTSRANGE", `${index * share}`, `${last}`);
    // Otherwise two nodes may claim the same epoch, which they only solve after a while.
    await node.command("CLUSTER", "SET-CONFIG-EPOCH", `${index + 1}`);
  }
  for (const node of others) await meet(node);
  const work = async (node: TestRedis, count: number) => {
    const info = String(await node.command("CLUSTER", "INFO"));
    return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${count}`);
  };
  for (const node of nodes) await until("the cluster works", () => work(node, nodes.length));

  const idOf = async (node: TestRedis) => String(await node.command("CLUSTER", "MYID"));
  const slotOf = async (key: string) => Number(await first.command("CLUSTER", "KEYSLOT", key));
  const nodeOf = async (key: string) => {
    for (const node of nodes) {
      if (await node.command("GET", key).then(() => true, () => false)) return node;
    }
    throw new Error("No node serves the key");
  };
  return {
    nodes,
    url: new RedisUrl(`redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`)}`),
    slotOf,
    nodeOf,
    async moveSlot(key, to) {
      const [from, slot] = [await nodeOf(key), await slotOf(key)];
      await to.command("CLUSTER", "SETSLOT", `${slot}`, "IMPORTING", await idOf(from));
      await from.command("CLUSTER", "SETSLOT", `${slot}`, "MIGRATING", await idOf(to));
      return async () => {
        const keys = await from.command("CLUSTER", "GETKEYSINSLOT", `${slot}`, "1000000");
        if (!Array.isArray(keys)) throw new Error("No keys");
        if (keys.length > 0) {
          await from.command("MIGRATE", "127.0.0.1", `${to.port}`, "", "0", "10000", "KEYS", ...keys.map(String));
        }
        const id = await idOf(to);
        for (const node of [to, from]) await node.command("CLUSTER", "SETSLOT", `${slot}`, "NODE", id);
      };
    },
    async addReplica(of) {
      const replica = await start();
      await meet(replica);
      const id = await idOf(of);
      await until(
        "the replica knows the node",
        () => replica.command("CLUSTER", "REPLICATE", id).then(() => true, () => false),
      );
      await until(
        "the replica is connected",
        async () => String(await of.command("INFO", "replication")).includes("state=online"),
      );
      for (const node of nodes) await until("all nodes know it", () => work(node, nodes.length + 1));
      return replica;
    },
  };
}
