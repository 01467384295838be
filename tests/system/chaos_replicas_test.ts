/** Some faults of `deno task chaos replicas`, with few phones: nothing is lost, nothing is executed twice. */
import { assert, assertEquals } from "@std/assert";
import { REPLICA_FAULTS } from "../../tools/chaos/replicas/faults.ts";
import { runReplicas } from "../../tools/chaos/replicas/run.ts";
import { SeededRandom } from "../../tools/fuzz/seeded_random.ts";
import { MOSQUITTO } from "../support/broker.ts";
import { within } from "../support/deadline.ts";
import { HAPROXY } from "../support/haproxy.ts";
import { needing } from "../support/needs.ts";
import { REDIS_SERVER } from "../support/redis_server.ts";

/** Those that end a process, and one that makes two replicas believe that they hold the lease. */
const NAMES: readonly string[] = ["writer killed", "writer frozen", "Redis killed"];

Deno.test(
  needing(
    "three replicas of which the writer is killed and frozen, and their Redis killed, lose and repeat nothing acknowledged",
    { mosquitto: MOSQUITTO, "redis-server": REDIS_SERVER, haproxy: HAPROXY },
  ),
  async () => {
    await using scope = new AsyncDisposableStack();
    const running = runReplicas({
      phones: 20,
      faults: NAMES.map((name) => REPLICA_FAULTS.find((fault) => fault.name === name)).filter((fault) =>
        fault !== undefined
      ),
      intervalMs: 0,
      random: new SeededRandom(1),
      scope,
      onProgress() {},
    });
    const { faults, acknowledged, violations } = await within("all faults", running, 240_000);
    assertEquals(violations, []);
    assertEquals(faults.map(({ name }) => name), NAMES);
    assert(acknowledged.messages > 0 && acknowledged.commands > 0);
  },
);
