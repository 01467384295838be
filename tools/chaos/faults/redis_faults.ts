/** What can happen to the Redis that remembers which requests ran. */
import type { TestRedis } from "../../../tests/support/redis_server.ts";
import { type Fault, type Scene, untilFailing } from "../fault.ts";

const needs = ["redis"] as const;
const house = { hasRedis: true } as const;

/** Redis killed, frozen, and emptied. While it is away nothing may run, seen or unseen. */
export const REDIS_FAULTS: readonly Fault[] = [
  {
    name: "redis-killed",
    title: "Redis killed, back empty",
    needs,
    house,
    isUnready: true,
    async break(scene) {
      const redis = redisOf(scene);
      await redis.kill();
      await untilNothingRuns(scene);
      return () => redis.start();
    },
  },
  {
    name: "redis-frozen",
    title: "Redis frozen for longer than REPLAY_REDIS_TIMEOUT_MS",
    needs,
    house,
    isUnready: true,
    async break(scene) {
      const redis = redisOf(scene);
      redis.signal("SIGSTOP");
      await untilNothingRuns(scene);
      return () => Promise.resolve(redis.signal("SIGCONT"));
    },
  },
  {
    name: "redis-emptied",
    title: "Redis emptied by FLUSHALL",
    needs,
    house,
    async break(scene) {
      await redisOf(scene).command("FLUSHALL");
      await untilFailing(scene, "commands", { code: "expired" });
      return () => Promise.resolve();
    },
  },
];

function redisOf({ house: { redis } }: Scene): TestRedis {
  if (redis === undefined) throw new Error("House has no Redis");
  return redis;
}

async function untilNothingRuns(scene: Scene): Promise<void> {
  await untilFailing(scene, "messages", { code: "unavailable" });
  await untilFailing(scene, "commands", { code: "unavailable" });
}
