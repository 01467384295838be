/** The log when its Redis fails, is killed, frozen, emptied, or loses connections. */
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import {
  type EventLog,
  LeaseLostError,
  type LogEntry,
  OFFSETS_PER_ENTRY,
} from "../../../src/mqtt/replicas/event_log.ts";
import { SYSTEM_CLOCK } from "../../../src/lib/clock.ts";
import { LeaseHolder } from "../../../src/mqtt/replicas/lease_holder.ts";
import { LogWriter } from "../../../src/mqtt/replicas/log_writer.ts";
import { until, within } from "../../support/deadline.ts";
import { needing } from "../../support/needs.ts";
import { RedisUrl } from "../../../src/net/redis_url.ts";
import type { RedisClient, RedisConnection } from "../../../src/store/redis_connection.ts";
import { createRedisEventLog } from "../../../src/store/redis_event_log.ts";
import { SessionBroker } from "../../support/session_broker.ts";
import { startToxicProxy } from "../../support/toxic_proxy.ts";
import { keepLog, LOG_KEYS, openRedisLog, type RedisLogOptions, restoreLog } from "../../support/redis_log.ts";
import { REDIS_SERVER, type TestRedis, type TestRedisOptions, withRedis } from "../../support/redis_server.ts";

const STREAM = `${LOG_KEYS}stream`;
const STATE = `${LOG_KEYS}state`;

type OpenLog = (options?: RedisLogOptions) => Promise<EventLog>;

function logTest(
  name: string,
  test: (redis: TestRedis, open: OpenLog) => Promise<void>,
  options: TestRedisOptions = {},
): void {
  Deno.test(needing(name, { "redis-server": REDIS_SERVER }), () =>
    withRedis(options, async (redis) => {
      await using scope = new AsyncDisposableStack();
      await test(redis, (options) => openRedisLog(scope, redis, options));
    }));
}

function message(number: number): LogEntry {
  const payload = new TextEncoder().encode(`${number}`);
  return { type: "message", message: { topic: "home", payload, qos: 1, retain: false }, receivedAt: 0 };
}

/** Reader as a replica has it: follows the log, and records what it is told. */
class Reader implements AsyncDisposable {
  /** Numbers of messages; "gap", "epoch" and "trimmed" between them. */
  readonly seen: (number | string)[] = [];
  readonly sequences: number[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(log: EventLog) {
    this.#running = this.#run(log);
  }

  async #run(log: EventLog): Promise<void> {
    const { signal } = this.#stop;
    let after = 0;
    let epoch: string | undefined;
    while (!signal.aborted) {
      try {
        const page = await log.read(after, { waitMs: 60_000, signal });
        if (epoch !== undefined && epoch !== page.epoch) {
          this.seen.push("epoch");
          epoch = page.epoch;
          after = 0;
          continue;
        }
        epoch = page.epoch;
        if (after > 0 && page.first > after + 1) this.seen.push("trimmed");
        for (const { sequence, entry } of page.entries) {
          this.sequences.push(after = sequence);
          if (entry.type === "message") this.seen.push(Number(new TextDecoder().decode(entry.message.payload)));
          else this.seen.push(entry.type);
        }
      } catch {
        // Without a connection, reading fails at once.
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  /** Waits until it has read the last acknowledged entry. */
  async reaches({ acknowledged }: Writer): Promise<void> {
    await until("the last one is read", () => Number(this.seen.at(-1)) >= (acknowledged.at(-1) ?? 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

/** Appends numbers one after the other, under a new token after each failure, until it is stopped. */
class Writer implements AsyncDisposable {
  readonly acknowledged: number[] = [];
  readonly #log: EventLog;
  readonly #running: Promise<void>;
  #isStopped = false;

  constructor(log: EventLog) {
    this.#log = log;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    let token: string | undefined;
    for (let number = 1; !this.#isStopped; number++) {
      try {
        if (token === undefined) {
          const next = crypto.randomUUID();
          if (!await this.#log.lease.take(next, await this.#log.lease.read())) continue;
          token = next;
        }
        await this.#log.append(token, [message(number)]);
        this.acknowledged.push(number);
      } catch {
        token = undefined;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }

  /** Waits until more is acknowledged. */
  async goesOn(): Promise<void> {
    const { length } = this.acknowledged;
    await until("more is appended", () => this.acknowledged.length > length + 50);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }
}

logTest(
  "retainedUntil is that of the last call of shareOwners(), also if an earlier one runs later",
  async (_redis, open) => {
    // As seen by the server, calls of a log that has made fewer are earlier ones of the same replica.
    const [late, log] = [await open(), await open()];
    await log.lease.take("token", await log.lease.read());
    await log.renewReplica("r");
    const { state } = await log.want("r", [["a", 1]], undefined);
    const activeFrom = state.last * OFFSETS_PER_ENTRY + 1;
    const share = (each: EventLog, retainedUntil?: number) =>
      each.shareOwners("r", [["a", "phone", { activeFrom, qos: 1, retainedUntil }]]);
    await share(log, 5);
    await share(log);
    await share(late, 5);
    const owner = async () => (await log.want("r", [["a", 1]], "phone")).filters[0]?.owner;
    assertEquals(await owner(), { activeFrom, qos: 1, retainedUntil: undefined });
    await share(log, 7);
    await share(late);
    assertEquals(await owner(), { activeFrom, qos: 1, retainedUntil: 7 });
  },
);

logTest("all keys of a log expire once no replica renews itself, and not before", async (redis, open) => {
  const log = await open({ expirySeconds: 600 });
  await log.lease.take("token", await log.lease.read());
  await log.renewReplica("r");
  await log.want("r", [["a", 1], ["b", 1]], undefined);
  await log.append("token", [message(1)]);
  await log.shareOwners("r", [["a", "phone", { activeFrom: 2 ** 30, qos: 1, retainedUntil: undefined }]]);
  await log.unwant("r", ["b"]);
  await redis.command("EVAL", `for _, key in ipairs(redis.call("KEYS", "*")) do redis.call("EXPIRE", key, 9) end`, "0");
  await log.renewReplica("r");
  const keys = await redis.command("KEYS", "*");
  if (!Array.isArray(keys)) throw new Error("No keys");
  assertEquals(keys.length, 7);
  for (const key of keys) {
    const seconds = Number(await redis.command("TTL", String(key)));
    assert(seconds > 9 && seconds <= 600, `${key} expires in ${seconds} s`);
  }
});

logTest(
  "a key that a command makes expires, also if the replica is killed before it renews itself",
  async (redis, open) => {
    const log = await open({ expirySeconds: 600 });
    const owner = ["a", "phone", { activeFrom: 2 ** 30, qos: 1, retainedUntil: undefined }] as const;
    const filter = ["a", 1] as const;
    const steps: (() => Promise<unknown>)[] = [
      async () => await log.lease.take("token", await log.lease.read()),
      () => log.append("token", [message(1)]),
      () => log.renewReplica("r"),
      () => log.want("r", [filter], undefined),
      () => log.shareOwners("r", [owner]),
      () => log.renewReplica("other"),
      () => log.want("other", [filter], "phone"),
      () => log.unwant("r", ["a"]),
      () => log.unwant("other", ["a"]),
      () => log.retire("token"),
      () => log.append("token", [{ type: "granted", filters: [["b", 1]] }]),
    ];
    const made = new Set<string>();
    for (const step of steps) {
      await step();
      const keys = await redis.command("KEYS", "*");
      if (!Array.isArray(keys)) throw new Error("No keys");
      for (const key of keys.map(String)) {
        made.add(key);
        assert(Number(await redis.command("TTL", key)) > 0, `${key} expires after ${step}`);
      }
    }
    assertEquals(made.size, 9, "All of a log with two replicas");
  },
);

logTest("a log whose keys have expired begins anew", async (redis, open) => {
  const log = await open();
  await log.lease.take("token", await log.lease.read());
  await log.append("token", [message(1)]);
  const { signal } = new AbortController();
  const before = await log.read(0, { waitMs: 0, signal });
  await redis.command("EVAL", `for _, key in ipairs(redis.call("KEYS", "*")) do redis.call("EXPIRE", key, 0) end`, "0");
  assertNotEquals((await log.read(0, { waitMs: 0, signal })).epoch, before.epoch);
  assertEquals(await log.readEpoch(), (await log.read(0, { waitMs: 0, signal })).epoch);
  await assertRejects(() => log.append("token", [message(2)]), LeaseLostError);
});

/** Numbers in order, none twice. */
function assertOrder(seen: readonly (number | string)[]): void {
  const numbers = seen.filter((item) => typeof item === "number");
  assert(numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0)), "In order, none twice");
}

/** Checks that all that was acknowledged was read, or is followed by a gap. @returns what is missing */
function assertToldGaps(reader: Reader, { acknowledged }: Writer): readonly number[] {
  assertOrder(reader.seen);
  assert(reader.sequences.every((sequence, index) => index === 0 || sequence > (reader.sequences[index - 1] ?? 0)));
  const read = new Set(reader.seen);
  const missing = acknowledged.filter((number) => !read.has(number));
  for (const number of missing) {
    const before = reader.seen.findLastIndex((item) => typeof item === "number" && item < number);
    const after = reader.seen.findIndex((item) => typeof item === "number" && item > number);
    assert(reader.seen.slice(before + 1, after).includes("gap"), `No gap in place of ${number}`);
  }
  assertEquals(new Set(reader.seen.filter((item) => typeof item === "string")), new Set(["gap"]));
  return missing;
}

logTest("readers get all that was acknowledged, and a gap, when the server is killed", async (redis, open) => {
  await using reader = new Reader(await open());
  const writer = new Writer(await open());
  for (let crash = 1; crash <= 3; crash++) {
    await writer.goesOn();
    await redis.kill();
    await redis.start();
    await until("a gap is told", () => reader.seen.filter((item) => item === "gap").length === crash);
  }
  await writer.goesOn();
  await writer[Symbol.asyncDispose]();
  await reader.reaches(writer);
  assertEquals(assertToldGaps(reader, writer), []);
}, { appendonly: true, args: ["--appendfsync", "always"] });

logTest(
  "readers get all that was acknowledged, or a gap, when the server loses its newest entries",
  async (redis, open) => {
    const [fast, late] = [await open(), await open()];
    await using reader = new Reader(fast);
    const writer = new Writer(await open());
    for (let loss = 0; loss < 5; loss++) {
      await writer.goesOn();
      await keepLog(redis);
      await writer.goesOn();
      await restoreLog(redis);
      if (loss % 2 === 0) await writer.goesOn();
      // Once more without the entries since, the jump among them.
      await restoreLog(redis);
    }
    await writer.goesOn();
    await writer[Symbol.asyncDispose]();
    await reader.reaches(writer);
    assertToldGaps(reader, writer);
    await using lateReader = new Reader(late);
    await lateReader.reaches(writer);
    assert(assertToldGaps(lateReader, writer).length > 0, "Entries were lost");
  },
);

logTest("commands to a frozen server fail in time, and run late under no other token", async (redis, open) => {
  const [log, other] = [await open({ timeoutMs: 2000 }), await open({ timeoutMs: 2000 })];
  assert(await log.lease.take("one", undefined));
  await log.append("one", [message(1)]);
  redis.signal("SIGSTOP");
  await assertRejects(() => within("it fails", log.append("one", [message(2)])));
  await assertRejects(() => within("it fails", other.lease.read()));
  redis.signal("SIGCONT");
  await until("it is connected", () => log.lease.read().then(() => true, () => false));
  // As a writer does after a failure: what was sent under the first token has run by now, or never will.
  assert(await log.lease.take("two", await log.lease.read()));
  const { entries } = await readOnce(log);
  assertEquals(await log.append("two", [message(3)]), entries.length + 1);
  await assertRejects(() => log.append("one", [message(4)]), LeaseLostError);
  const numbers = (await readOnce(log)).entries.map(({ token }) => token);
  assertEquals(numbers, [...entries.map(() => "one"), "two"]);
});

logTest("a blocked read outlasts the time limit of replies, and wakes at once", async (_, open) => {
  const [log, other] = [await open({ timeoutMs: 1000 }), await open({ timeoutMs: 1000 })];
  assert(await log.lease.take("one", undefined));
  await until("it can be read", () => readOnce(other).then(() => true, () => false));
  const { signal } = new AbortController();
  assertEquals((await other.read(0, { waitMs: 3000, signal })).entries, []);
  const reading = other.read(0, { waitMs: 60_000, signal });
  await log.append("one", [message(1)]);
  assertEquals((await within("it wakes", reading)).entries.length, 1);
});

logTest("a waiting read sends all it needs before there is an entry, and nothing after it", async (redis, open) => {
  const [log, other] = [await open(), await open()];
  assert(await log.lease.take("one", undefined));
  const { last } = await readOnce(other);
  const reading = other.read(last, { waitMs: 60_000, signal: new AbortController().signal });
  // The command behind the one that waits has arrived, and runs as soon as that ends.
  await until("it waits", async () => /qbuf=[1-9].* cmd=xread/.test(String(await redis.command("CLIENT", "LIST"))));
  await log.append("one", [message(1)]);
  assertEquals((await within("it wakes", reading)).entries.length, 1);
});

/** Message of a size that takes longer than the time limit of replies, on a connection of `SLOW`. */
function picture(number: number): LogEntry {
  const payload = new Uint8Array(3_000_000).fill(number);
  return { type: "message", message: { topic: "camera", payload, qos: 1, retain: false }, receivedAt: 0 };
}

const SLOW = { bytesPerSecond: 1_000_000 };

/** Opens a log behind a proxy, with a time limit that `SLOW` exceeds for a picture. */
async function openSlowLog(
  scope: AsyncDisposableStack,
  redis: TestRedis,
  { timeoutMs = 2000, limits }: Pick<RedisLogOptions, "timeoutMs" | "limits"> = {},
) {
  const proxy = await startToxicProxy(redis.port);
  scope.defer(() => proxy.close());
  const url = () => new RedisUrl(`redis://127.0.0.1:${proxy.port}`);
  const log = await openRedisLog(scope, { ...redis, url }, { timeoutMs, ...limits && { limits } });
  return { log, proxy, connections: proxy.connections };
}

logTest(
  "pictures that take longer than the time limit of replies reach the log and its readers once",
  async (redis) => {
    await using scope = new AsyncDisposableStack();
    const [writer, reader] = [await openSlowLog(scope, redis), await openSlowLog(scope, redis)];
    assert(await writer.log.lease.take("one", undefined));
    for (const { proxy } of [writer, reader]) proxy.set(SLOW);
    const entries = [picture(1), message(2), picture(3)];
    const reading = (async () => {
      const read: LogEntry[] = [];
      for (let after = 0; read.length < entries.length;) {
        const page = await reader.log.read(after, { waitMs: 60_000, signal: new AbortController().signal });
        read.push(...page.entries.map(({ entry }) => entry));
        after = page.entries.at(-1)?.sequence ?? after;
      }
      return read;
    })();
    for (const entry of entries) await writer.log.append("one", [entry]);
    assertEquals(await within("it is read", reading, 30_000), entries);
    for (const { proxy, connections } of [writer, reader]) assertEquals(proxy.connections, connections);
  },
);

logTest(
  "pictures that are deleted before a slow reader has them are told, and messages follow",
  async (redis, open) => {
    await using scope = new AsyncDisposableStack();
    const limits = { maxBytes: 5_000_000, maxAgeMs: 2 ** 40 };
    const [log, { log: slow, proxy }] = [await open({ limits }), await openSlowLog(scope, redis, { limits })];
    assert(await log.lease.take("one", undefined));
    for (let number = 1; number <= 12; number++) await log.append("one", [picture(number)]);
    await log.append("one", [message(13)]);
    proxy.set(SLOW);
    const { signal } = new AbortController();
    const page = await slow.read(0, { waitMs: 0, signal });
    assert(page.first > 1 && page.entries.length === 1, "One picture is more than a page");
    const last = page.entries[0]?.sequence ?? 0;
    assertEquals((await slow.read(last, { waitMs: 0, signal })).entries.at(-1)?.entry, message(13));
  },
);

logTest("a large reply that stops to arrive ends the read in time", async (redis, open) => {
  await using scope = new AsyncDisposableStack();
  const [log, { log: slow, proxy }] = [await open(), await openSlowLog(scope, redis)];
  assert(await log.lease.take("one", undefined));
  await log.append("one", [picture(1)]);
  proxy.set({ swallows: true }, "down");
  const { signal } = new AbortController();
  await assertRejects(() => within("it fails", slow.read(0, { waitMs: 60_000, signal })));
  proxy.set({});
  await until("it is read", () => slow.read(0, { waitMs: 0, signal }).then(({ last }) => last === 1, () => false));
});

logTest(
  "a writer that has lost the lease appends no more parts, and the next one is not mixed with them",
  async (_, open) => {
    const [log, other] = [await open(), await open()];
    assert(await log.lease.take("one", undefined));
    const late = log.append("one", [picture(1)]);
    const failed = assertRejects(() => late, LeaseLostError);
    assert(await other.lease.take("two", await other.lease.read()));
    await other.append("two", [picture(2)]);
    await failed;
    assertEquals((await readOnce(other)).entries.map(({ entry }) => entry), [picture(2)]);
  },
);

logTest("readers see that the server was emptied, also if it has more entries than before", async (redis, open) => {
  const log = await open();
  await using reader = new Reader(await open());
  await using _writer = new Writer(log);
  await until("some are read", () => reader.seen.length > 100);
  await redis.command("FLUSHALL");
  await until("the epoch is told", () => reader.seen.includes("epoch"));
  const { length } = reader.seen;
  await until("it goes on", () => reader.seen.length > length + 100);
  assertOrder(reader.seen);
  assertEquals(reader.seen.filter((item) => typeof item === "string"), ["epoch"]);
});

const UNREADABLE = `
redis.call("XADD", KEYS[1], "9-0", "a", "0", "k", "", "e", "none")
redis.call("HSET", KEYS[2], "sequence", "9", "count", "4")`;

/** What else may happen to a log, by commands of others, and whether its readers are told that messages may be missing. */
const DAMAGES: Record<
  string,
  { readonly commands: readonly (readonly string[])[]; readonly told: string | undefined }
> = {
  "the server forgets its scripts": { commands: [["SCRIPT", "FLUSH"]], told: undefined },
  "the entries are evicted": { commands: [["DEL", STREAM]], told: "epoch" },
  "the state is evicted": { commands: [["DEL", STATE]], told: "epoch" },
  "an entry is deleted": { commands: [["XTRIM", STREAM, "MAXLEN", "1"]], told: "epoch" },
  "another entry is added far ahead": { commands: [["XADD", STREAM, "*", "a", "b"]], told: "epoch" },
  "the stream is another kind of value": { commands: [["SET", STREAM, "a"]], told: "epoch" },
  "the state is another kind of value": { commands: [["SET", STATE, "a"]], told: "epoch" },
  "the filters are another kind of value": { commands: [["SET", `${LOG_KEYS}filters`, "a"]], told: "epoch" },
  "the replicas are another kind of value": { commands: [["SET", `${LOG_KEYS}replicas`, "a"]], told: "epoch" },
  "the state has no number": { commands: [["HSET", STATE, "sequence", "a"]], told: "epoch" },
  "the state lacks a field": { commands: [["HDEL", STATE, "count"]], told: "epoch" },
  "an entry cannot be read": {
    commands: [["EVAL", UNREADABLE, "2", STREAM, STATE]],
    told: "gap",
  },
};

for (const [name, { commands, told }] of Object.entries(DAMAGES)) {
  logTest(`readers go on, and are told ${told ?? "nothing"}, when ${name}`, async (redis, open) => {
    await using reader = new Reader(await open({ timeoutMs: 1000 }));
    const writer = await open();
    assert(await writer.lease.take("one", undefined));
    for (const number of [1, 2, 3]) await writer.append("one", [message(number)]);
    await until("they are read", () => reader.seen.length === 3);
    for (const command of commands) await redis.command(...command);
    await writer.renewReplica("replica");
    const lease = await writer.lease.read();
    if (lease === undefined) assert(await writer.lease.take("two", lease));
    const token = lease === undefined ? "two" : "one";
    await writer.append(token, [message(4)]);
    await until("it goes on", () => reader.seen.includes(4));
    assertEquals(reader.seen, [1, 2, 3, ...told === undefined ? [] : [told], 4]);
  });
}

for (const key of ["filters", "replicas"]) {
  logTest(`a replica wants its filters again when the ${key} are evicted`, async (redis, open) => {
    const log = await open();
    await log.renewReplica("replica");
    await log.want("replica", [["door", 1]], undefined);
    assertEquals(await log.renewReplica("replica"), 2);
    await redis.command("DEL", `${LOG_KEYS}${key}`);
    assertEquals(await log.renewReplica("replica"), 1);
    await log.want("replica", [["door", 1]], undefined);
    assertEquals([...await log.readWanted()], [["door", 1]]);
    assertEquals(await log.renewReplica("replica"), 2);
  });
}

for (const reply of [null, 1, -1, "text", "1", {}, [[]], [null, null], ["a", "b", "c"], [1, 2, 3, 4]]) {
  Deno.test(`the log takes ${JSON.stringify(reply)} of a server for a failure, or for what it may mean`, async () => {
    const client = { isReady: true, sendCommand: () => Promise.resolve(reply) } as unknown as RedisClient;
    const connection: RedisConnection = {
      client,
      limits: client,
      onConnect: () => () => {},
      close: () => Promise.resolve(),
    };
    const server = { connection, connect: () => connection, prefix: "test:" };
    const log = createRedisEventLog({
      server,
      id: "a",
      limits: { maxBytes: 1, maxAgeMs: 1 },
      expirySeconds: 60,
      timeoutMs: 1000,
    });
    const calls = {
      append: () => log.append("one", [message(1)]),
      read: () => log.read(0, { waitMs: 0, signal: new AbortController().signal }),
      unacknowledged: () => log.readUnacknowledged(10),
      want: () => log.want("replica", [["door", 1]], "owner"),
      replicas: () => log.readReplicas(),
      lease: () => log.lease.read(),
      retire: () => log.retire("one"),
      epoch: () => log.readEpoch(),
      renew: () => log.renewReplica("replica"),
    };
    for (const [name, call] of Object.entries(calls)) {
      const error = await call().then(() => undefined, (error) => error);
      const isExpected = error === undefined || String(error) === "Error: Redis sent an unexpected reply";
      assert(isExpected, `${name}: ${error}`);
    }
    assertEquals(await log.lease.take("one", undefined), reply === 1);
  });
}

for (
  const [name, begin, end] of [
    ["runs a script of another client", ["EVAL", "while true do end", "0"], ["SCRIPT", "KILL"]],
    ["has no memory", ["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]],
    ["is a replica", ["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]],
    ["keeps too few replicas", ["CONFIG", "SET", "min-replicas-to-write", "1"], [
      ...["CONFIG", "SET", "min-replicas-to-write"],
      "0",
    ]],
  ] as const
) {
  logTest(`nothing is appended while the server ${name}, and the writer goes on after it`, async (redis, open) => {
    await using reader = new Reader(await open({ timeoutMs: 1000 }));
    const writer = await open({ timeoutMs: 1000 });
    assert(await writer.lease.take("one", undefined));
    await writer.append("one", [message(1)]);
    const ended = redis.command(...begin).catch(() => {});
    await until("appending fails", () => writer.append("one", [message(2)]).then(() => false, () => true));
    await until("it ends", () => redis.command(...end).then(() => true, () => false));
    await ended;
    const isAppended = () => writer.append("one", [message(9)]).then(() => true, () => false);
    await until("appending works again", isAppended);
    await until("it is read", () => reader.seen.includes(9));
    assertOrder(reader.seen.filter((number) => number !== 9 && number !== 2));
  }, { args: ["--busy-reply-threshold", "10"] });
}

logTest("connections that are cut lose nothing and double nothing in the log", async (redis, open) => {
  await using reader = new Reader(await open());
  const writer = new Writer(await open());
  for (let cut = 0; cut < 10; cut++) {
    await writer.goesOn();
    await redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  }
  await writer[Symbol.asyncDispose]();
  await reader.reaches(writer);
  assertOrder(reader.seen);
  assertEquals(writer.acknowledged.filter((number) => !reader.seen.includes(number)), []);
  assertEquals(reader.seen.filter((item) => typeof item === "string"), []);
});

logTest("a slow reader sees that entries it has not read are deleted", async (_, open) => {
  const log = await open({ limits: { maxBytes: 10_000, maxAgeMs: 2 ** 40 } });
  assert(await log.lease.take("one", undefined));
  await log.append("one", [message(0)]);
  await until("it can be read", () => readOnce(log).then(() => true, () => false));
  for (let number = 1; number < 300; number++) await log.append("one", [message(number)]);
  const page = await readOnce(log, 1);
  assert(page.first > 2 && page.entries[0]?.sequence === page.first);
});

logTest("entries beyond the limit of age are deleted", async (redis, open) => {
  const log = await open({ limits: { maxBytes: 2 ** 30, maxAgeMs: 0 } });
  assert(await log.lease.take("one", undefined));
  const last = async () => {
    await log.append("one", [message(0)]);
    return Number(await redis.command("XLEN", STREAM));
  };
  await until("a later entry replaces the earlier ones", async () => await last() === 1);
});

logTest("a server without memory appends nothing, and goes on once it has some", async (redis, open) => {
  const log = await open();
  assert(await log.lease.take("one", undefined));
  await log.append("one", [message(1)]);
  await redis.command("CONFIG", "SET", "maxmemory", "1");
  await assertRejects(() => log.append("one", [message(2), message(3)]), Error, "OOM");
  await assertRejects(() => log.lease.renew("one"), Error, "OOM");
  await redis.command("CONFIG", "SET", "maxmemory", "0");
  assert(await log.lease.renew("one"));
  assertEquals(await log.append("one", [message(4)]), 2);
});

/** Limits the memory of the server to what it uses and some bytes more. */
async function limitMemory(redis: TestRedis, bytes: number): Promise<void> {
  const used = Number(/used_memory:(\d+)/.exec(String(await redis.command("INFO", "memory")))?.[1]);
  await redis.command("CONFIG", "SET", "maxmemory", String(used + bytes));
}

/** Replica that takes the lease of a log when it can, and writes what a broker sends. */
class WritingReplica implements AsyncDisposable {
  readonly broker = new SessionBroker();
  /** Sizes of the messages that it left out. */
  readonly leftOut: number[] = [];
  readonly #log: EventLog;
  readonly #writer: LogWriter;
  readonly #holder: LeaseHolder;
  #terms = 0;

  constructor(log: EventLog) {
    this.#log = log;
    const writer = new LogWriter({
      ...{ log, address: { host: "broker", port: 1883 }, connect: this.broker.connect, clientId: () => "gateway" },
      ...{ timeoutMs: 10_000, resumeSeconds: 120, random: Math.random },
      // Attempts seem to be far apart.
      clock: { ...SYSTEM_CLOCK, monotonic: () => SYSTEM_CLOCK.monotonic() * 1000 },
      onLeftOut: (bytes) => void this.leftOut.push(bytes),
      onInterrupted: () => {},
    });
    this.#writer = writer;
    this.#holder = new LeaseHolder({
      ...{ lease: log.lease, clock: SYSTEM_CLOCK, newToken: () => `term ${this.#terms += 1}` },
      held: (token) => writer.held(token),
      lost: () => void writer.lost(),
    });
  }

  /** Subscribes to everything, and waits for the grant. */
  async begin(): Promise<void> {
    await this.#log.renewReplica("replica");
    await this.#log.want("replica", [["#", 1]], undefined);
    await until("the grant", async () => (await readOnce(this.#log)).entries.at(-1)?.entry.type === "granted");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.lost();
    await this.#holder.release();
    await this.#writer.lost();
  }
}

/** Returns the topics of all messages in a log. */
async function topicsOf(log: EventLog): Promise<readonly string[]> {
  const { entries } = await readOnce(log);
  return entries.flatMap(({ entry }) => entry.type === "message" ? [entry.message.topic] : []);
}

logTest(
  "a message that is too large for the server's memory is left out, and those behind it pass",
  async (redis, open) => {
    const log = await open();
    await using replica = new WritingReplica(log);
    await replica.begin();
    await limitMemory(redis, 8_000_000);
    replica.broker.publish("large", new Uint8Array(16_000_000));
    replica.broker.publish("small", "x");
    await until("all acknowledged", () => replica.broker.unacknowledged === 0);
    assertEquals([await topicsOf(log), replica.leftOut], [["small"], [16_000_000]]);
  },
);

logTest("a message that a link is too slow for is left out, and those behind it pass", async (redis, open) => {
  await using scope = new AsyncDisposableStack();
  const [log, { log: slow, proxy }] = [await open(), await openSlowLog(scope, redis, { timeoutMs: 2000 })];
  await using replica = new WritingReplica(slow);
  await replica.begin();
  // A part of an entry takes twice the time limit, everything else much less.
  proxy.set({ bytesPerSecond: 16_384 });
  replica.broker.publish("large", new Uint8Array(100_000));
  replica.broker.publish("small", "x");
  await until("all acknowledged", () => replica.broker.unacknowledged === 0);
  assertEquals([await topicsOf(log), replica.leftOut], [["small"], [100_000]]);
  proxy.set({});
});

logTest("two restarts that lose the same entries lead to different sequences", async (redis, open) => {
  const log = await open();
  assert(await log.lease.take("one", undefined));
  await log.append("one", [message(1)]);
  await keepLog(redis);
  const gaps: number[] = [];
  for (let restart = 0; restart < 3; restart++) {
    await restoreLog(redis);
    await log.lease.read();
    gaps.push(Number(await redis.command("HGET", STATE, "lost")));
  }
  assert(gaps.every((gap, index) => gap > (gaps[index - 1] ?? 2 ** 20)), gaps.join());
});

logTest("a server that jumped too far begins another epoch", async (redis, open) => {
  const log = await open();
  assert(await log.lease.take("one", undefined));
  await log.append("one", [message(1)]);
  await until("it can be read", () => readOnce(log).then(() => true, () => false));
  const { epoch } = await readOnce(log);
  await log.renewReplica("r");
  await redis.command("HSET", STATE, "run", "another", "sequence", String(2 ** 36));
  const page = await readOnce(log);
  assert(page.epoch !== epoch);
  assertEquals([page.entries, page.last, page.first], [[], 0, 1]);
  assertEquals(await log.renewReplica("r"), 1);
});

async function readOnce(log: EventLog, after = 0) {
  return await log.read(after, { waitMs: 0, signal: new AbortController().signal });
}
