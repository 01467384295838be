/** Faults of the Redis with the replay store. */
import type { TestRedis } from "../../../tests/support/redis_server.ts";
import { type Fault, type FaultContext, untilFailing } from "../fault.ts";

const needs = ["redis"] as const;
const environment = { hasRedis: true } as const;

/** Redis killed, frozen and flushed. While it is unavailable, no request may be executed. */
export const REDIS_FAULTS: readonly Fault[] = [
  {
    name: "redis-killed",
    title: "Redis killed and restarted empty",
    needs,
    environment,
    isUnready: true,
    async inject(context) {
      const redis = redisOf(context);
      await redis.kill();
      await untilAllFail(context);
      return () => redis.start();
    },
  },
  {
    name: "redis-frozen",
    title: "Redis frozen for longer than REDIS_TIMEOUT_MS",
    needs,
    environment,
    isUnready: true,
    async inject(context) {
      const redis = redisOf(context);
      redis.signal("SIGSTOP");
      await untilAllFail(context);
      return () => Promise.resolve(redis.signal("SIGCONT"));
    },
  },
  {
    name: "redis-flushed",
    title: "Redis flushed by FLUSHALL",
    needs,
    environment,
    async inject(context) {
      await redisOf(context).command("FLUSHALL");
      await untilFailing(context, "commands", { code: "expired" });
      return () => Promise.resolve();
    },
  },
];

function redisOf({ environment: { redis } }: FaultContext): TestRedis {
  if (redis === undefined) throw new Error("Environment has no Redis");
  return redis;
}

async function untilAllFail(context: FaultContext): Promise<void> {
  await untilFailing(context, "messages", { code: "unavailable" });
  await untilFailing(context, "commands", { code: "unavailable" });
}
