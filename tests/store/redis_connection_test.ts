import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { RateLimiterMemory, RateLimiterRedis } from "rate-limiter-flexible";
import { openRedis, type RedisConnection } from "../../src/store/redis_connection.ts";
import { RedisConnectionLog } from "../../src/store/redis_connection_log.ts";
import { RedisUrl } from "../../src/net/redis_url.ts";
import { until, within } from "../support/deadline.ts";
import { freePort, withTcpServer } from "../support/loopback.ts";
import { REDIS_SERVER, type TestRedis, type TestRedisOptions, withRedis } from "../support/redis_server.ts";
import { startSentinel } from "../support/redis_sentinel.ts";
import { needing } from "../support/needs.ts";

const NEEDS = { "redis-server": REDIS_SERVER };

async function withConnection(
  url: RedisUrl,
  test: (connection: RedisConnection, lines: string[]) => Promise<void>,
  timeoutMs = 4000,
): Promise<void> {
  const lines: string[] = [];
  const write = (message: string, { reason = "", remedy = "" } = {}) =>
    void lines.push(message.replace("{reason}", reason).replace("{remedy}", remedy));
  const reports = new RedisConnectionLog({ info: write, warn: write });
  const connection = openRedis({ url, timeoutMs, random: () => 0, reports });
  try {
    await test(connection, lines);
  } finally {
    await within("closing", connection.close());
  }
}

function redisTest(
  name: string,
  test: (redis: TestRedis, connection: RedisConnection, lines: string[]) => Promise<void>,
  { timeoutMs = 4000, ...options }: TestRedisOptions & { readonly timeoutMs?: number } = {},
): void {
  Deno.test(needing(name, NEEDS), () =>
    withRedis(
      options,
      (redis) => withConnection(redis.url(), (connection, lines) => test(redis, connection, lines), timeoutMs),
    ));
}

/** Runs a test against a server that answers each message of a client with the next of the replies. */
function withReplies(
  replies: readonly string[],
  test: (connection: RedisConnection, lines: string[], connections: () => number) => Promise<void>,
  { password = "", timeoutMs = 4000 } = {},
): Promise<void> {
  let connections = 0;
  return withTcpServer(async (socket) => {
    connections += 1;
    for (const reply of replies) {
      if (await socket.read(new Uint8Array(1024)).catch(() => null) === null) return;
      await socket.write(new TextEncoder().encode(reply)).catch(() => {});
    }
  }, (port) =>
    withConnection(
      new RedisUrl(`redis://:${password}@127.0.0.1:${port}`),
      (connection, lines) => test(connection, lines, () => connections),
      timeoutMs,
    ));
}

const isUp = (connection: RedisConnection) => until("there is a connection", () => connection.client !== undefined);

redisTest("openRedis() connects, logs each change once, and reconnects", async (redis, connection, lines) => {
  await isUp(connection);
  const seen: unknown[] = [];
  const stopListening = connection.onConnect((client) => seen.push(client));
  assertEquals(seen, [connection.client]);
  await redis.kill();
  await until("the loss is noticed", () => connection.client === undefined);
  await until("reconnecting fails", () => lines.some((line) => line.includes("ECONNREFUSED")));
  await redis.start();
  await isUp(connection);
  assertEquals(seen.length, 2);
  assert(seen[1] === connection.client && seen[0] !== seen[1]);
  stopListening();
  assertEquals(lines.filter((line) => line === "Connected to Redis at {place}").length, 2);
  assertEquals(new Set(lines).size, lines.length - 1);
});

Deno.test("RedisConnectionLog writes each change once, however many connections report it", () => {
  const lines: string[] = [];
  const write = (text: string, { place = "", reason = "" } = {}) =>
    void lines.push(text.replace("{place}", place).replace("{reason}", reason).replace("{remedy}", ""));
  const log = new RedisConnectionLog({ info: write, warn: write });
  const all = (report: () => void) => Array.from({ length: 3 }).forEach(report);
  all(() => log.connected("a:1"));
  all(() => log.failed("a:1", "Closed"));
  all(() => log.failed("a:1", "Refused"));
  all(() => log.connected("a:1"));
  all(() => log.connected("b:1"));
  all(() => log.failed("b:1", "Closed"));
  assertEquals(lines, [
    ...["Connected to Redis at a:1", "No connection to Redis at a:1: Closed", "No connection to Redis at a:1: Refused"],
    ...["Connected to Redis at a:1", "Connected to Redis at b:1", "No connection to Redis at b:1: Closed"],
  ]);
});

redisTest("a client of a lost connection rejects all later commands", async (redis, connection) => {
  await isUp(connection);
  const old = connection.client;
  if (old === undefined) throw new Error("No connection");
  await redis.kill();
  await redis.start();
  await until("there is another connection", () => connection.client !== undefined && connection.client !== old);
  await assertRejects(() => old.get("key"));
});

redisTest("commands to a frozen server fail within the time limit", async (redis, connection, lines) => {
  await isUp(connection);
  redis.signal("SIGSTOP");
  const ended = assertRejects(async () => await connection.client?.get("key"), Error, "The connection to Redis ended");
  const waiting = [connection.limits.del("key"), connection.limits.eval("return 1", { keys: [], arguments: [] })];
  const results = await within("commands end", Promise.allSettled(waiting));
  assertEquals(results.map(({ status }) => status), ["rejected", "rejected"]);
  await ended;
  assertEquals(lines[1], "No connection to Redis at {place}: No reply for 2000 ms");
  redis.signal("SIGCONT");
  await isUp(connection);
}, { timeoutMs: 2000 });

redisTest("close() waits for pending commands", async (_, connection) => {
  await isUp(connection);
  const waiting = Promise.all(Array.from({ length: 100 }, () => connection.client?.set("key", "value")));
  await connection.close();
  assertEquals(new Set(await waiting), new Set(["OK"]));
  assertEquals(connection.client, undefined);
});

redisTest("close() does not wait for a frozen server longer than the time limit", async (redis, connection) => {
  await isUp(connection);
  redis.signal("SIGSTOP");
  const waiting = Promise.allSettled([connection.client?.get("key")]);
  await within("closing", connection.close());
  assertEquals((await waiting)[0]?.status, "rejected");
}, { timeoutMs: 2000 });

Deno.test("close() ends a connection without any reply", () =>
  withTcpServer(() => {}, (port) =>
    withConnection(new RedisUrl(`redis://127.0.0.1:${port}`), async (connection) => {
      await within("closing", connection.close());
    }, 60_000)));

Deno.test("openRedis() times out at a silent server, and logs it once", () =>
  withReplies([], async (connection, lines, connections) => {
    await until("it tries again", () => connections() > 3);
    assertEquals(lines.length, 1);
    assertStringIncludes(
      lines[0] ?? "",
      "No connection to Redis at {place}: The handshake took more than 400 ms. Check",
    );
    assertEquals(connection.client, undefined);
  }, { timeoutMs: 400 }));

Deno.test("openRedis() gives up a silent server within its time limit, also where replies may take longer", () =>
  withTcpServer(() => {}, async (port) => {
    const reasons: (string | undefined)[] = [];
    const connection = openRedis({
      url: new RedisUrl(`redis://127.0.0.1:${port}`),
      timeoutMs: 50,
      replyTimeoutMs: 600_000,
      random: () => 0,
      reports: { connected() {}, failed: (_place, reason) => void reasons.push(reason) },
    });
    try {
      await until("it gives up", () => reasons.length > 0);
      assertEquals(reasons, ["The handshake took more than 50 ms"]);
    } finally {
      await within("closing", connection.close());
    }
  }));

Deno.test("openRedis() survives a server of another protocol", () =>
  withReplies(["HTTP/1.1 400 Bad Request\r\n\r\n"], async (connection, lines, connections) => {
    await until("it tries again", () => connections() > 3);
    assertEquals(lines.length, 1);
    assertStringIncludes(
      lines[0] ?? "",
      'No connection to Redis at {place}: Unknown RESP type 72 "H". Check the address',
    );
    assertEquals(connection.client, undefined);
  }));

Deno.test("openRedis() does not let an old server repeat the password into the log", () =>
  withReplies(
    ["-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `hunter2`, \r\n"],
    async (_, lines) => {
      await until("it is logged", () => lines.length > 0);
      assertEquals(lines, [
        "No connection to Redis at {place}: ERR unknown command `HELLO`. Use Redis 7 or later, or Valkey 7.2 or later",
      ]);
    },
    { password: "hunter2" },
  ));

Deno.test("a connection ends at the first invalid reply", () =>
  withReplies(["+OK\r\n", "$11\r\nrole:master\r\n", "Hello\r\n$5\r\nother\r\n"], async (connection) => {
    await isUp(connection);
    const client = connection.client;
    if (client === undefined) throw new Error("No connection");
    await assertRejects(() => within("the command ends", Promise.all([client.get("a"), client.get("b")])));
    await assertRejects(() => client.get("c"));
  }));

redisTest("openRedis() refuses a replica, a sentinel, and a node of a cluster, with the remedy", async (redis) => {
  const reasonFor = async ({ port }: { readonly port: number }) => {
    let reason = "";
    await withConnection(new RedisUrl(`redis://127.0.0.1:${port}`), async (connection, lines) => {
      // A sentinel that was just started may not listen yet.
      const refusal = () => lines.find((line) => !line.includes("ECONNREFUSED"));
      await until("it is refused", () => refusal() !== undefined);
      assertEquals([connection.client, connection.limits.isReady], [undefined, false]);
      reason = refusal() ?? "";
    });
    return reason;
  };
  await withRedis({ args: ["--replicaof", "127.0.0.1", `${redis.port}`] }, async (replica) => {
    assertStringIncludes(
      await reasonFor(replica),
      "It is a replica, which takes no writes. Set REDIS_URL to the primary",
    );
  });
  await using scope = new AsyncDisposableStack();
  const sentinel = await startSentinel(scope, redis.port, []);
  assertStringIncludes(await reasonFor(sentinel), "It is a sentinel. Begin REDIS_URL with redis+sentinel");
  await withRedis({ args: ["--cluster-enabled", "yes", "--cluster-port", `${freePort()}`] }, async (node) => {
    assertStringIncludes(await reasonFor(node), "It is a node of a cluster. Begin REDIS_URL with redis+cluster");
  });
});

redisTest(
  "a server that becomes a replica ends the connection at the first write",
  async (redis, connection, lines) => {
    await isUp(connection);
    const { client } = connection;
    if (client === undefined) throw new Error("No connection");
    await redis.command("REPLICAOF", "127.0.0.1", "1");
    const writes = [
      () => client.set("key", "value"),
      () => client.eval('return redis.call("SET", KEYS[1], 1)', { keys: ["key"], arguments: [] }),
      () => client.sendCommand(["SET", "key", "value"]),
    ];
    await assertRejects(() => within("the write", Promise.any(writes.map((write) => write()))));
    await until("the connection has ended", () => connection.client === undefined);
    assert(/READONLY|Closed|closed/.test(lines[1] ?? ""), lines[1]);
    assertEquals(client.isReady, false);
    await redis.command("REPLICAOF", "NO", "ONE");
    await isUp(connection);
  },
);

redisTest("limits count in the server, and in memory while it is frozen or unavailable", async (redis, connection) => {
  await isUp(connection);
  const common = { keyPrefix: "limit", points: 3, duration: 600 };
  const inMemory = new RateLimiterMemory(common);
  const limiter = new RateLimiterRedis({
    ...common,
    storeClient: connection.limits,
    useRedisPackage: true,
    rejectIfRedisNotReady: true,
    insuranceLimiter: inMemory,
  });
  const take = () => limiter.consume("client").then(({ remainingPoints }) => remainingPoints, () => "refused");
  assertEquals([await take(), await take(), await take(), await take()], [2, 1, 0, "refused"]);
  assertEquals((await limiter.get("client"))?.consumedPoints, 4);
  redis.signal("SIGSTOP");
  assertEquals(await within("the limiter", take()), 2);
  assertEquals((await within("getting", limiter.get("client")))?.consumedPoints, 1);
  assertEquals(await take(), 1);
  redis.signal("SIGCONT");
  await isUp(connection);
  assertEquals(await take(), "refused");
  assertEquals(await limiter.delete("client"), true);
  assertEquals(await take(), 2);
  await inMemory.delete("client");
}, { timeoutMs: 2000 });
