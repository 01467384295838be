/** Cool-downs in memory and in Redis: the rules are the same. */
import { assert, assertEquals } from "@std/assert";
import { type CoolDowns, MemoryCoolDowns } from "../../src/store/cool_downs.ts";
import { createRedisCoolDowns } from "../../src/store/redis_cool_downs.ts";
import { until } from "../support/deadline.ts";
import { addDocumentedUser } from "../support/documented_user.ts";
import { needing } from "../support/needs.ts";
import { openGateway } from "../support/redis_gateway.ts";
import { REDIS_SERVER, withRedis } from "../support/redis_server.ts";

interface CoolDownContext {
  /** Cool-downs of two replicas; in memory, of one gateway. */
  readonly replicas: readonly [CoolDowns, CoolDowns];
  /** Ends all cool-downs as time does. */
  pass(): Promise<void>;
}

const PREFIX = "e2eg:";
/** Longer than the test. */
const LONG_MS = 3_600_000;

/** Declares a test for both. */
function coolDownTest(name: string, test: (context: CoolDownContext) => Promise<void>): void {
  Deno.test(`${name}, in memory`, async () => {
    const clock = { ms: 1000 };
    const coolDowns = new MemoryCoolDowns(() => clock.ms);
    const pass = () => Promise.resolve(void (clock.ms += 2 * LONG_MS));
    await test({ replicas: [coolDowns, coolDowns], pass });
  });
  Deno.test(needing(`${name}, in Redis`, { "redis-server": REDIS_SERVER }), () =>
    withRedis({}, async (redis) => {
      await addDocumentedUser(redis);
      const open = () => openGateway(redis.url("gateway", "password"));
      const gateways = [open(), open()] as const;
      try {
        for (const { connection } of gateways) await until("a connection", () => connection.client !== undefined);
        const of = ({ connection }: typeof gateways[number]) => createRedisCoolDowns({ connection, prefix: PREFIX });
        const pass = async () => {
          const keys = await redis.command("KEYS", `${PREFIX}cool_down:*`);
          if (Array.isArray(keys)) { for (const key of keys) await redis.command("PEXPIRE", String(key), "0"); }
        };
        await test({ replicas: [of(gateways[0]), of(gateways[1])], pass });
      } finally {
        for (const gateway of gateways) await gateway.close();
      }
    }));
}

coolDownTest("begin() begins one of two at the same time, at whichever replica", async ({ replicas: [one, other] }) => {
  const begun = await Promise.all(
    Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? one : other).begin("a", LONG_MS)),
  );
  assertEquals(begun.filter(({ hasBegun }) => hasBegun).length, 1);
  for (const each of begun) assert(each.hasBegun || (each.leftMs > 0 && each.leftMs <= LONG_MS));
  assertEquals((await other.begin("b", LONG_MS)).hasBegun, true, "another action");
});

coolDownTest("begin() begins again once the earlier one has ended", async ({ replicas: [one, other], pass }) => {
  await one.begin("a", LONG_MS);
  assertEquals((await other.begin("a", LONG_MS)).hasBegun, false);
  await pass();
  assertEquals((await other.begin("a", LONG_MS)).hasBegun, true);
});

coolDownTest("takeBack() ends its own cool-down, and no later one", async ({ replicas: [one, other], pass }) => {
  const first = await one.begin("a", LONG_MS);
  if (!first.hasBegun) throw new Error("It has not begun");
  await first.takeBack();
  assertEquals((await other.begin("a", LONG_MS)).hasBegun, true);
  await pass();
  assertEquals((await other.begin("a", LONG_MS)).hasBegun, true);
  await first.takeBack();
  assertEquals((await one.begin("a", LONG_MS)).hasBegun, false);
});
