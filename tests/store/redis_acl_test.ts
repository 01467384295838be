/** The user that docs/security.md describes may do all that the gateway does, and no more. */
import { assertEquals, assertRejects } from "@std/assert";
import { createRateLimiter } from "../../src/limits/rate_limiter.ts";
import { redisCounter } from "../../src/store/counters.ts";
import { until } from "../support/deadline.ts";
import { addDocumentedUser } from "../support/documented_user.ts";
import { identity, kindOf, openGateway, repeat, run } from "../support/redis_gateway.ts";
import type { EventLog } from "../../src/mqtt/replicas/event_log.ts";
import { openRedisLog } from "../support/redis_log.ts";
import { needing } from "../support/needs.ts";
import { REDIS_SERVER, withRedis } from "../support/redis_server.ts";

/** Calls the methods of a log. */
async function useLog(log: EventLog): Promise<void> {
  const message = { topic: "door", payload: new Uint8Array(1), qos: 1, retain: false } as const;
  assertEquals(await log.lease.take("token", await log.lease.read()), true);
  assertEquals(await log.lease.renew("token"), true);
  await log.renewReplica("replica");
  await log.want("replica", [["door", 1]], "owner");
  await log.append("token", [
    { type: "granted", filters: [["door", 1]] },
    ...Array.from({ length: 20 }, () => ({ type: "message", message, receivedAt: 1 }) as const),
  ]);
  await log.append("token", [{ type: "message", message, receivedAt: 1 }]);
  await log.shareOwners("replica", [["door", "owner", { activeFrom: 1, qos: 1, retainedUntil: undefined }]]);
  await log.want("replica", [["door", 1]], "owner");
  assertEquals([...await log.readWanted()], [["door", 1]]);
  const { last } = await log.read(0, { waitMs: 0, signal: new AbortController().signal });
  await log.read(last, { waitMs: 50, signal: new AbortController().signal });
  assertEquals((await log.readUnacknowledged(1)).length, 1);
  await log.unwant("replica", ["door"]);
  await log.want("replica", [["lamp", 1]], undefined);
  await log.readReplicas();
  await log.removeReplica("token", "replica");
  await log.retire("token");
  await log.lease.release("token");
  await log.leave("replica");
}

Deno.test(
  needing("the user of docs/security.md has the rights that the gateway needs", { "redis-server": REDIS_SERVER }),
  () =>
    withRedis({}, async (redis) => {
      await addDocumentedUser(redis);
      const gateway = openGateway(redis.url("gateway", "password"), { prefix: "e2eg:replay:" });
      try {
        await run(gateway, identity(1), "answer");
        assertEquals(await kindOf(gateway, identity(1)), "repeat");
        const other = openGateway(redis.url("gateway", "password"), { prefix: "e2eg:replay:" });
        try {
          assertEquals(await repeat(other, identity(1)), "answer");
        } finally {
          await other.close();
        }
        const { connection } = gateway;
        const limiter = createRateLimiter("test", {
          rate: { burst: 3, perSecond: 1 },
          createCounter: redisCounter({ connection, prefix: "e2eg:" }),
        });
        assertEquals(await limiter.take("client"), 0);
        await limiter.peek("client");
        await until("rates are counted in Redis", async () => {
          const keys = await redis.command("KEYS", "e2eg:test:*");
          return Array.isArray(keys) && keys.length > 0;
        });
        await using scope = new AsyncDisposableStack();
        await useLog(await openRedisLog(scope, redis, { user: ["gateway", "password"], prefix: "e2eg:" }));
        const { client } = connection;
        if (client === undefined) throw new Error("No connection");
        await assertRejects(() => client.get("other:key"), Error, "NOPERM");
        await assertRejects(() => client.sendCommand(["FLUSHALL"]), Error, "NOPERM");
        const denied = await redis.command("ACL", "LOG");
        const names = Array.isArray(denied) ? denied.map((entry) => JSON.stringify(entry)) : [];
        assertEquals(names.length, 2, names.join("\n"));
      } finally {
        await gateway.close();
      }
    }),
);
