import { assert, assertEquals } from "@std/assert";
import { SILENT_LOG } from "../../src/observability/log.ts";
import type { RedisClient } from "../../src/store/redis_connection.ts";
import {
  type RedisDurability,
  type RedisDurabilityOptions,
  watchRedisDurability,
} from "../../src/store/redis_durability.ts";
import type { RequestIdentity } from "../../src/store/replay_store.ts";
import {
  claim,
  type Gateway,
  identity,
  kindOf,
  NOW,
  PREFIX,
  redisTest,
  repeat,
  run,
  sealed,
  SECONDS,
  untilLogged,
} from "../support/redis_gateway.ts";
import { until, within } from "../support/deadline.ts";
import { FakeTime } from "../support/fake_time.ts";
import { settle } from "../support/settle.ts";

redisTest("claim() returns unavailable until the server is connected", async (redis, open) => {
  const gateway = open();
  assertEquals((await gateway.store.claim(identity(1))).kind, "unavailable");
  await untilLogged(gateway, "No connection to Redis");
  assertEquals((await gateway.store.claim(identity(1))).kind, "unavailable");
  await redis.start();
  await run(gateway, identity(1), "answer");
  assertEquals(await repeat(gateway, identity(1)), "answer");
}, { isStarted: false });

redisTest(
  "claim() returns unavailable in time when the server is frozen, and works again afterwards",
  async (redis, open) => {
    const gateway = open({ timeoutMs: 1000 });
    await run(gateway, identity(1), "answer");
    redis.signal("SIGSTOP");
    const claims = Array.from({ length: 50 }, (_, index) => gateway.store.claim(identity(100 + index)));
    const kinds = (await within("claims end", Promise.all(claims), 10_000)).map(({ kind }) => kind);
    assertEquals(new Set(kinds), new Set(["unavailable"]));
    assertEquals(gateway.connection.client, undefined, "Nothing waits once the silence is known");
    assertEquals((await gateway.store.claim(identity(2))).kind, "unavailable");
    redis.signal("SIGCONT");
    assertEquals(await repeat(gateway, identity(1)), "answer");
    assertEquals(await kindOf(gateway, identity(3)), "first");
    for (let index = 0; index < 50; index++) {
      // The server may have stored it or not; either way it did not run before.
      assert(["first", "repeat"].includes(await kindOf(gateway, identity(100 + index))));
    }
  },
);

for (const appendonly of [false, true]) {
  const state = appendonly ? "with its log" : "empty";

  redisTest(
    `claim() is first for no request twice when the server is killed and restarts ${state}`,
    async (redis, open) => {
      const gateway = open();
      await claim(gateway, identity(0));
      // Some timestamps are ahead of the clock.
      const load = startLoad([gateway], (number) => NOW + (number * 7919) % 30);
      await until("some ran", () => load.ran.size > 500);
      await redis.kill();
      await redis.start();
      await untilLogged(gateway, "may have lost");
      await load.stop();
      const kinds = new Set<string>();
      for (const request of load.ran.values()) kinds.add(await kindOf(gateway, request));
      assertEquals(kinds, new Set(["forgotten"]));
      assertEquals(await kindOf(gateway, identity(1_000_000, { timestamp: NOW + 31 })), "first", "Newer than all");
      assertEquals(await kindOf(gateway, identity(1_000_001, { kid: "other", timestamp: NOW + 1 })), "first");
    },
    { appendonly },
  );

  redisTest(`claim() is first in no other gateway either when the server restarts ${state}`, async (redis, open) => {
    const gateways = [open(), open()];
    await Promise.all(gateways.map((gateway) => claim(gateway, identity(0))));
    const load = startLoad(gateways, (number) => Math.floor(NOW) + (number % 6) / 10);
    await until("some ran", () => load.ran.size > 500);
    await redis.kill();
    await redis.start();
    await Promise.all(gateways.map((gateway) => untilLogged(gateway, "may have lost")));
    await load.stop();
    for (const gateway of [...gateways, open()]) {
      const kinds = new Set<string>();
      for (const request of load.ran.values()) kinds.add(await kindOf(gateway, request));
      assertEquals(kinds, new Set(["forgotten"]));
    }
  }, { appendonly });
}

/** Claims new requests and repeats without a pause; `stop` throws if one was first twice. */
function startLoad(gateways: readonly Gateway[], timestampOf: (number: number) => number) {
  const ran = new Map<number, RequestIdentity>();
  const twice: number[] = [];
  let isOver = false;
  let count = 0;
  async function work(gateway: Gateway): Promise<void> {
    while (!isOver) {
      count += 1;
      const number = count % 2 === 0 ? count : Math.ceil(count / 3);
      const request = identity(number, { timestamp: timestampOf(number) });
      const claimed = await gateway.store.claim(request);
      if (claimed.kind === "first") {
        if (ran.has(number)) twice.push(number);
        ran.set(number, request);
        claimed.settle(sealed("answer"));
      }
      await new Promise((resolve) => setTimeout(resolve, claimed.kind === "first" ? 0 : 5));
    }
  }
  const works = Promise.all(gateways.flatMap((gateway) => Array.from({ length: 20 }, () => work(gateway))));
  return {
    ran,
    async stop() {
      isOver = true;
      await works;
      assertEquals(twice, []);
    },
  };
}

redisTest(
  "claim() refuses requests ahead of the clock when another gateway noticed the loss first",
  async (redis, open) => {
    const gateway = open();
    await run(gateway, identity(1, { timestamp: NOW + 20 }));
    const marker = await redis.command("GET", `${PREFIX}since`);
    await redis.command("FLUSHALL");
    await redis.command("SET", `${PREFIX}since`, `${String(marker).split(" ")[0]} ${Math.floor(NOW) + 1}`);
    await untilLogged(gateway, "may have lost");
    assertEquals(await kindOf(gateway, identity(1, { timestamp: NOW + 20 })), "forgotten");
    assertEquals(await kindOf(gateway, identity(2, { timestamp: NOW + 21 })), "first");
  },
);

redisTest("claim() refuses requests that may have run when the server is emptied", async (redis, open) => {
  const gateway = open();
  await run(gateway, identity(1, { timestamp: NOW + 20 }));
  await run(gateway, identity(2));
  await redis.command("FLUSHALL");
  await untilLogged(gateway, "may have lost");
  assertEquals(await kindOf(gateway, identity(1, { timestamp: NOW + 20 })), "forgotten");
  assertEquals(await kindOf(gateway, identity(2)), "forgotten");
});

redisTest(
  "claim() returns unavailable while the server may evict keys, and refuses earlier requests afterwards",
  async (redis, open) => {
    const gateway = open();
    await run(gateway, identity(1));
    await redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    assertEquals(await kindOf(gateway, identity(1)), "repeat", "Without a limit nothing is evicted");
    await redis.command("CONFIG", "SET", "maxmemory", "100mb");
    await untilLogged(
      gateway,
      'error Redis may forget requests, so none is accepted: It evicts keys: its maxmemory-policy is "allkeys-lru". Set maxmemory-policy noeviction there',
    );
    assertEquals((await gateway.store.claim(identity(2))).kind, "unavailable");
    await redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction");
    await untilLogged(gateway, "can store requests again");
    assertEquals(await kindOf(gateway, identity(1)), "forgotten");
    assertEquals(await kindOf(gateway, identity(3, { timestamp: NOW + 1 })), "first");
  },
);

redisTest("claim() returns unavailable from the start when the server evicts keys", async (redis, open) => {
  await redis.command("CONFIG", "SET", "maxmemory-policy", "volatile-ttl");
  await redis.command("CONFIG", "SET", "maxmemory", "100mb");
  const gateway = open();
  await untilLogged(gateway, 'its maxmemory-policy is "volatile-ttl"');
  assertEquals((await gateway.store.claim(identity(1))).kind, "unavailable");
  assertEquals(await redis.command("DBSIZE"), 0);
});

redisTest("claim() returns full while the server is out of memory", async (redis, open) => {
  const gateway = open();
  await run(gateway, identity(1), "answer");
  await redis.command("CONFIG", "SET", "maxmemory", "1");
  assertEquals(await kindOf(gateway, identity(2)), "full");
  await redis.command("CONFIG", "SET", "maxmemory", "0");
  assertEquals(await repeat(gateway, identity(1)), "answer");
  assertEquals(await kindOf(gateway, identity(2)), "first");
});

redisTest("claim() refuses requests that may have expired early when the clocks diverge", async (_, open) => {
  const gateway = open();
  await run(gateway, identity(1));
  gateway.clock.seconds += SECONDS / 4 + 30;
  await untilLogged(gateway, "may have lost");
  assertEquals(await kindOf(gateway, identity(1)), "forgotten");
});

redisTest("claim() ignores a marker in the future", async (redis, open) => {
  await run(open(), identity(1));
  const marker = await redis.command("GET", `${PREFIX}since`);
  for (const ahead of [1_000_000, 90]) {
    await redis.command("SET", `${PREFIX}since`, `${String(marker).split(" ")[0]} ${Math.floor(NOW) + ahead}`);
    const gateway = open();
    assertEquals(await kindOf(gateway, identity(2)), "forgotten");
    assertEquals(gateway.store.since, Math.floor(NOW) + 1);
    assertEquals(await kindOf(gateway, identity(ahead, { timestamp: NOW + 1 })), "first");
  }
});

/** Server without keys. */
const SILENT: RedisClient = {
  isReady: true,
  get: () => Promise.resolve(null),
  set: () => Promise.resolve(null),
  info: () => Promise.resolve(""),
  eval: () => Promise.resolve(null),
  multi: () => undefined,
  sendCommand: () => Promise.resolve(null),
  del: () => Promise.resolve(0),
  subscribe: () => Promise.resolve(),
};

/** Watches a server that is connected from the start, by default on clocks that stand still. */
function watch(client: RedisClient, options: Partial<RedisDurabilityOptions>): RedisDurability {
  return watchRedisDurability({
    connection: {
      onConnect(listener) {
        listener(client);
        return () => {};
      },
    },
    key: "since",
    seconds: SECONDS,
    monotonic: () => 0,
    now: () => NOW * 1000,
    log: SILENT_LOG,
    ...options,
  });
}

Deno.test("trusted() returns no client of a server that is too old or unknown, and logs why", async () => {
  const cases = {
    "redis_version:6.2.14\r\n": 'Its version "6.2.14" is too old. Use Redis 7 or later, or Valkey 7.2 or later',
    "maxmemory:0\r\n": 'Its version "unknown" is too old. Use Redis 7 or later, or Valkey 7.2 or later',
    "redis_version:7.4.0\r\n":
      'It evicts keys: its maxmemory-policy is "unknown". Set maxmemory-policy noeviction there',
    "redis_version:7.4.0\r\nmaxmemory:0\r\n": "It does not report its run_id. Use Redis or Valkey",
  };
  for (const [info, fault] of Object.entries(cases)) {
    const faults: unknown[] = [];
    const memory = watch({ ...SILENT, info: () => Promise.resolve(info) }, {
      monotonic: () => performance.now(),
      log: { info() {}, warn() {}, error: (_, properties) => faults.push(properties?.["fault"]) },
    });
    assertEquals(await memory.trusted(), undefined);
    assertEquals(faults, [fault]);
    memory.close();
  }
});

Deno.test("claims go on during a check, and wait for it after a pause of this process", async () => {
  using time = new FakeTime();
  const start = Date.now();
  let marker: string | null = null;
  let answered = Promise.resolve();
  const client: RedisClient = {
    ...SILENT,
    async info() {
      await answered;
      return `redis_version:7.4.0\r\nmaxmemory:0\r\nrun_id:a\r\nserver_time_usec:${Date.now() * 1000}\r\n`;
    },
    get: () => Promise.resolve(marker),
    set: (_key, value) => Promise.resolve(marker = value),
  };
  const memory = watch(client, { monotonic: () => Date.now() - start, now: () => Date.now() });
  assertEquals(await memory.trusted(), client);
  const answer = Promise.withResolvers<void>();
  answered = answer.promise;
  time.pass(1000);
  assertEquals(await memory.trusted(), client, "The check has begun, and is not answered yet");
  time.pass(1001);
  let trusted: RedisClient | undefined;
  const waiting = memory.trusted().then((found) => trusted = found);
  await settle();
  assertEquals(trusted, undefined);
  answer.resolve();
  await waiting;
  assertEquals(trusted, client);
  memory.close();
});

Deno.test("on another server, requests are refused as long as other gateways may use the old one", async () => {
  let marker: string | null = null;
  let written = 0;
  let runId = "a";
  const client: RedisClient = {
    ...SILENT,
    info: () =>
      Promise.resolve(`redis_version:7.4.0\r\nmaxmemory:0\r\nrun_id:${runId}\r\nserver_time_usec:${NOW * 1e6}\r\n`),
    get: () => Promise.resolve(marker),
    set(_key, value) {
      written += 1;
      return Promise.resolve(marker = value);
    },
  };
  const watchServer = () => watch(client, { overlapMs: 7000 });
  const one = watchServer();
  await one.trusted();
  assertEquals(one.since, Math.floor(NOW), "An empty server remembers from now on");
  runId = "b";
  one.recheck(client);
  await one.trusted();
  const other = watchServer();
  await other.trusted();
  for (const memory of [one, other]) {
    assertEquals(memory.isForgotten(identity(1, { timestamp: NOW + 7 })), true);
    assertEquals(memory.isForgotten(identity(1, { timestamp: NOW + 8 })), false);
    memory.close();
  }
  assertEquals(written, 2, "The second gateway takes the marker of the first");
});

for (const steps of [[3600], [SECONDS / 8, SECONDS / 8, SECONDS / 8]]) {
  Deno.test(`the same step of the clock on the server and here is detected, in ${steps.length} steps: keys have expired early`, async () => {
    let wall = NOW;
    let marker: string | null = null;
    const info = () => `redis_version:7.4.0\r\nmaxmemory:0\r\nrun_id:a\r\nserver_time_usec:${wall * 1e6}\r\n`;
    const client: RedisClient = {
      ...SILENT,
      info: () => Promise.resolve(info()),
      get: () => Promise.resolve(marker),
      set: (_key, value) => Promise.resolve(marker = value),
    };
    const memory = watch(client, { now: () => wall * 1000 });
    await memory.trusted();
    const request = identity(1, { timestamp: NOW });
    memory.note(request);
    assertEquals(memory.isForgotten(request), false);
    for (const step of steps) {
      wall += step;
      memory.recheck(client);
      await memory.trusted();
    }
    wall = NOW;
    assertEquals(memory.isForgotten(request), true);
    memory.close();
  });
}

redisTest("settle() loses only the answer when the server is unavailable", async (redis, open) => {
  const gateway = open();
  const first = await claim(gateway, identity(1));
  const waiting = repeat(gateway, identity(1));
  await claim(gateway, identity(2));
  await redis.kill();
  if (first.kind === "first") first.settle(sealed("answer"));
  assertEquals(await waiting, "answer");
  assertEquals((await gateway.store.claim(identity(3))).kind, "unavailable");
});

redisTest("close() does not wait for answers of other gateways", async (_, open) => {
  const [one, other] = [open(), open()];
  await claim(one, identity(1));
  const waiting = repeat(other, identity(1));
  await claim(other, identity(2));
  await within("closing", other.close(), 2000);
  assertEquals(await waiting, undefined);
});

redisTest(
  "claim() needs a user with EVAL, SET, GET and INFO on its own keys, and logs what is missing",
  async (redis, open) => {
    await redis.command("ACL", "SETUSER", "gate", "on", ">hunter2", `~${PREFIX}*`, "+eval", "+set", "+get", "+info");
    await redis.command("ACL", "SETUSER", "reader", "on", ">hunter2", `~${PREFIX}*`, "+get", "+info");
    const gateway = open({ user: "gate", password: "hunter2", timeoutMs: 1000 });
    await run(gateway, identity(1), "answer");
    await until("tests of the connection were refused", async () => {
      const stats = String(await redis.command("INFO", "commandstats"));
      return Number(/cmdstat_ping:.*rejected_calls=(\d+)/.exec(stats)?.[1] ?? 0) > 8;
    });
    assertEquals(await repeat(gateway, identity(1)), "answer");
    assertEquals(gateway.lines, [`info Connected to Redis at 127.0.0.1:${redis.port}`]);
    const reader = open({ user: "reader", password: "hunter2" });
    await until("the missing right is logged", async () => {
      assertEquals((await reader.store.claim(identity(1))).kind, "unavailable");
      return reader.lines.some((line) => line.startsWith("warn Redis refused to store a request: NOPERM"));
    });
    const wrongLogin = open({ user: "gate", password: "hunter3" });
    await untilLogged(wrongLogin, "WRONGPASS");
    assertEquals((await wrongLogin.store.claim(identity(1))).kind, "unavailable");
    for (const { lines } of [gateway, reader, wrongLogin]) assert(!lines.join().includes("hunter"), lines.join());
  },
);
