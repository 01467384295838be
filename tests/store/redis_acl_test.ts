/** The user that docs/security.md describes may do all that the gateway does, and no more. */
import { assertEquals, assertRejects } from "@std/assert";
import { createRateLimiter } from "../../src/limits/rate_limiter.ts";
import { redisCounter } from "../../src/store/counters.ts";
import { until } from "../support/deadline.ts";
import { identity, kindOf, openGateway, repeat, run } from "../support/redis_gateway.ts";
import { needing } from "../support/needs.ts";
import { REDIS_SERVER, withRedis } from "../support/redis_server.ts";

const PAGE = await Deno.readTextFile(new URL("../../docs/security.md", import.meta.url));

Deno.test(
  needing("the user of docs/security.md has the rights that the gateway needs", { "redis-server": REDIS_SERVER }),
  () =>
    withRedis({}, async (redis) => {
      const [, rules = ""] = /ACL SETUSER gateway on (.*)/.exec(PAGE) ?? [];
      await redis.command("ACL", "SETUSER", "gateway", "on", ...rules.split(" "));
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
