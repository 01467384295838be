import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "../support/fake_time.ts";
import { type CounterFactory, createRateLimiter, memoryCounter } from "../../src/limits/rate_limiter.ts";
import { createRateLimits } from "../../src/limits/rate_limits.ts";

const RATE = { burst: 10, perSecond: 1 };

async function takeAll(take: () => Promise<number>, count: number): Promise<number> {
  const waits = await Promise.all(Array.from({ length: count }, take));
  return waits.filter((wait) => wait === 0).length;
}

Deno.test("take() allows a burst at once, then one a second, and the burst again after a minute", async () => {
  using time = new FakeTime();
  const limiter = createRateLimiter("test", { rate: RATE, createCounter: memoryCounter });
  assertEquals(await takeAll(() => limiter.take("a"), 20), 10);
  for (let second = 0; second < 30; second++) {
    time.pass(1000);
    assertEquals(await takeAll(() => limiter.take("a"), 5), 1, `second ${second}`);
  }
  time.pass(60_000);
  assertEquals(await takeAll(() => limiter.take("a"), 20), 10);
});

Deno.test("take() returns the wait in whole seconds, at least one", async () => {
  using time = new FakeTime();
  const limiter = createRateLimiter("test", { rate: { burst: 1, perSecond: 1 }, createCounter: memoryCounter });
  assertEquals([await limiter.take("a"), await limiter.take("a")], [0, 1]);
  time.pass(999);
  assertEquals(await limiter.take("a"), 1);
  time.pass(1);
  assertEquals(await limiter.take("a"), 0);
});

Deno.test("take() counts each id separately", async () => {
  using _time = new FakeTime();
  const limiter = createRateLimiter("test", { rate: RATE, createCounter: memoryCounter });
  assertEquals(await takeAll(() => limiter.take("a"), 20), 10);
  assertEquals(await takeAll(() => limiter.take("b"), 20), 10);
});

Deno.test("peek() returns what take() would return, and counts nothing", async () => {
  using time = new FakeTime();
  const limiter = createRateLimiter("test", { rate: RATE, createCounter: memoryCounter });
  for (let count = 0; count < 10; count++) {
    assertEquals([await limiter.peek("a"), await limiter.peek("a")], [0, 0]);
    assertEquals(await limiter.take("a"), 0);
  }
  assert(await limiter.peek("a") > 0);
  time.pass(1000);
  assertEquals(await limiter.peek("a"), 0);
});

Deno.test("peek() asks one counter, which may be on a server, while the rate is not used up", async () => {
  using _time = new FakeTime();
  const asked: string[] = [];
  const createCounter: CounterFactory = (options) => {
    const counter = memoryCounter(options);
    const get = (id: string) => {
      asked.push(options.keyPrefix);
      return counter.get(id);
    };
    return { consume: (id) => counter.consume(id), get };
  };
  const limiter = createRateLimiter("test", { rate: { burst: 10, perSecond: 2 }, createCounter });
  for (let count = 0; count < 2; count++) {
    await limiter.peek("a");
    await limiter.take("a");
  }
  assertEquals(asked, ["test:second", "test:second"]);
  await limiter.peek("a");
  assertEquals(asked.slice(2), ["test:second", "test:burst"]);
});

Deno.test("take() returns no long wait when the clock is set back an hour", async () => {
  using time = new FakeTime();
  const limiter = createRateLimiter("test", { rate: RATE, createCounter: memoryCounter });
  assertEquals(await takeAll(() => limiter.take("a"), 20), 10);
  time.setBack(3_600_000);
  assertEquals(await limiter.take("a"), 60);
  time.pass(60_000);
  assertEquals(await takeAll(() => limiter.take("a"), 20), 10);
});

Deno.test("takeKey() limits keys by their own rate, and others by the default rate, each by name", async () => {
  using _time = new FakeTime();
  const rates = createRateLimits({ address: RATE, failed: RATE, key: RATE, createCounter: memoryCounter });
  const own = { name: "own", rate: { burst: 3, perSecond: 1 } };
  assertEquals(await takeAll(() => rates.takeKey(own), 20), 3);
  assertEquals(await takeAll(() => rates.takeKey({ name: "a", rate: undefined }), 20), 10);
  assertEquals(await takeAll(() => rates.takeKey({ name: "b", rate: undefined }), 20), 10);
});
