import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { InvalidKeyFileError, KeyFileError } from "../../src/keys/default_key_file.ts";
import { type KeyStore, KeysUnavailableError } from "../../src/keys/key_store.ts";
import { KeysCipher } from "../../src/keys/keys_cipher.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { until } from "../support/deadline.ts";
import { makeRecord } from "../support/gateway.ts";
import {
  MASTER_KEY,
  openTestKeyStore,
  REDIS_KEY,
  type TestKeyStore,
  type TestKeyStoreOptions,
} from "../support/key_stores.ts";
import { needing } from "../support/needs.ts";
import { REDIS_SERVER, type TestRedis, withRedis } from "../support/redis_server.ts";
import { inTempDir } from "../support/temp_dir.ts";

type Open = (copy: string, options?: Partial<TestKeyStoreOptions>) => Promise<TestKeyStore>;

/** Declares a test with a server; stores with the same copy are on the same machine. */
function storeTest(name: string, test: (redis: TestRedis, open: Open, directory: string) => Promise<void>): void {
  Deno.test(
    needing(name, { "redis-server": REDIS_SERVER }),
    () =>
      inTempDir((directory) =>
        withRedis({}, async (redis) => {
          await using scope = new AsyncDisposableStack();
          await test(
            redis,
            (copy, options) => openTestKeyStore(scope, { redis, copy: `${directory}/${copy}.json`, ...options }),
            directory,
          );
        })
      ),
  );
}

const add = (name: string) => (records: readonly KeyRecord[]) => [...records, makeRecord({ name })];
const remove = (name: string) => (records: readonly KeyRecord[]) => records.filter((key) => key.name !== name);
const names = async (store: KeyStore) => (await store.read())?.keys.map(({ name }) => name);
/** Returns the stored value as arguments of HSET. */
async function dump(redis: TestRedis): Promise<[string, string, string, string]> {
  const field = async (name: string) => String(await redis.command("HGET", REDIS_KEY, name));
  return ["version", await field("version"), "sealed", await field("sealed")];
}

storeTest("RedisKeyStore keeps nothing of a key in clear text in Redis", async (redis, open) => {
  const { store } = await open("one");
  const record = makeRecord({ name: "annas-phone", label: "Anna" });
  await store.edit(() => [record]);
  assertEquals(await redis.command("KEYS", "*"), [REDIS_KEY]);
  const values = (await dump(redis)).join(" ");
  const plain = [record.secret.toHex(), record.secret.toBase64().slice(0, 42), "annas-phone", "Anna", "secret"];
  for (const text of plain) assert(!values.includes(text), text);
  assertEquals(await redis.command("HLEN", REDIS_KEY), 2);
  const sealed = Uint8Array.fromBase64((await dump(redis))[3]);
  const bytes = new TextDecoder("latin1").decode(sealed);
  for (const text of [...plain, new TextDecoder("latin1").decode(record.secret)]) assert(!bytes.includes(text), text);
});

storeTest("RedisKeyStore encrypts the same records anew at each write", async (redis, open) => {
  const { store } = await open("one");
  await store.edit(add("phone"));
  const first = await dump(redis);
  await store.edit((records) => records);
  const second = await dump(redis);
  assert(Number(second[1]) > Number(first[1]));
  assert(second[3].slice(0, 16) !== first[3].slice(0, 16));
});

storeTest("RedisKeyStore refuses another master key, names the setting, and writes nothing", async (redis, open) => {
  const { store } = await open("one");
  await store.edit(add("phone"));
  const before = await dump(redis);
  const { store: other } = await open("two", { masterKey: new Uint8Array(32).fill(9) });
  for (const use of [() => other.read(), () => other.edit(() => [])]) {
    const { message } = await assertRejects(use, InvalidKeyFileError, "KEYS_MASTER_KEY_FILE");
    assertStringIncludes(message, "Copy the master key from a replica that works");
    assert(!/decrypt(ion)? failed|OperationError/i.test(message), message);
  }
  assertEquals(await dump(redis), before);
});

storeTest("RedisKeyStore refuses records of a newer version, and says what to update", async (redis, open) => {
  const { store } = await open("one");
  const { sealed } = await new KeysCipher(MASTER_KEY, randomBytes).seal('0\n{"keys":[],"new":1}', 1);
  await redis.command("HSET", REDIS_KEY, "version", "1", "sealed", sealed);
  for (const use of [() => store.read(), () => store.edit(() => [])]) {
    const { message } = await assertRejects(use, InvalidKeyFileError, 'no such field: "new"');
    assertStringIncludes(message, "Update this gateway to the version of the other replicas");
  }
  assertEquals((await dump(redis))[3], sealed);
});

storeTest(
  "RedisKeyStore gives a server its keys back that was emptied, restored or lost its last writes",
  async (redis, open) => {
    const { store, lines } = await open("one");
    await store.edit(add("phone"));
    await store.edit(add("stolen"));
    const backup = await dump(redis);
    await store.edit(remove("stolen"));
    const newest = await dump(redis);
    await redis.command("HSET", REDIS_KEY, ...backup);
    assertEquals(await names(store), ["phone"]);
    assertEquals(await dump(redis), newest);
    await redis.command("FLUSHALL");
    assertEquals(await names(store), ["phone"]);
    assertEquals(await dump(redis), newest);
    assertEquals(lines.map((line) => /^Redis had (older|no) keys/.exec(line)?.[1]), ["older", "no"]);
  },
);

storeTest("RedisKeyStore knows the newest keys after a restart of its process, by the copy", async (redis, open) => {
  await (await open("one")).store.edit(add("phone"));
  const backup = await dump(redis);
  await (await open("one")).store.edit(() => []);
  await redis.command("HSET", REDIS_KEY, ...backup);
  const { store } = await open("one");
  assertEquals(await names(store), []);
  await redis.command("FLUSHALL");
  await store.edit(add("tablet"));
  assertEquals(await names((await open("two")).store), ["tablet"]);
});

storeTest("RedisKeyStore never gives another home's Redis its own keys", async (redis, open) => {
  const { store: own } = await open("one");
  await own.edit(add("phone"));
  await redis.command("FLUSHALL");
  const { store: other } = await open("two", { masterKey: new Uint8Array(32).fill(9), now: () => 5 });
  await other.edit(add("tablet"));
  await assertRejects(() => own.read(), InvalidKeyFileError, "KEYS_MASTER_KEY_FILE");
  assertEquals(await names(other), ["tablet"]);
});

storeTest(
  "RedisKeyStore reports that Redis lost a change which it has seen, when another one follows",
  async (redis, open) => {
    const { store, lines } = await open("one");
    await store.edit(add("stolen"));
    const backup = await dump(redis);
    await store.edit(remove("stolen"));
    // A command on another machine comes before this one looks again.
    await redis.command("HSET", REDIS_KEY, ...backup);
    const { store: admin } = await open("two");
    await admin.edit(add("phone"));
    assertEquals(await names(store), ["stolen", "phone"]);
    assertEquals(lines.length, 1);
    assertStringIncludes(lines[0] ?? "", "a revoked key may be back");
    await admin.edit(add("tablet"));
    await store.read();
    assertEquals(lines.length, 1);
  },
);

storeTest("RedisKeyStore refuses a value that was altered, has another version, or is not one", async (redis, open) => {
  const { store } = await open("one");
  await store.edit(add("phone"));
  const [, version, , sealed] = await dump(redis);
  const flipped = sealed.slice(0, 40) + (sealed[40] === "A" ? "B" : "A") + sealed.slice(41);
  const cases: readonly (readonly [string, string])[] = [
    [version, flipped],
    [String(Number(version) + 1), sealed],
    [version, ""],
    [version, "%%%"],
    ["x", sealed],
    ["-1", sealed],
    ["1e9", sealed],
    ["99999999999999999", sealed],
  ];
  for (const [number, value] of cases) {
    await redis.command("HSET", REDIS_KEY, "version", number, "sealed", value);
    await assertRejects(() => store.read(), InvalidKeyFileError);
    await assertRejects(() => store.edit(() => []), InvalidKeyFileError);
    assertEquals(await redis.command("HGET", REDIS_KEY, "version"), number);
  }
  await redis.command("DEL", REDIS_KEY);
  await redis.command("SET", REDIS_KEY, "text");
  await assertRejects(() => store.read(), KeysUnavailableError, "WRONGTYPE");
});

storeTest(
  "RedisKeyStore says which setting to look at while Redis is away or hangs, and goes on afterwards",
  async (redis, open) => {
    const { store } = await open("one");
    await store.edit(add("phone"));
    redis.signal("SIGSTOP");
    await assertRejects(() => store.read(), KeysUnavailableError, "REDIS_URL");
    assertEquals(await store.fingerprint(), "unreachable");
    redis.signal("SIGCONT");
    await until("Redis answers", async () => await store.fingerprint() !== "unreachable");
    assertEquals(await names(store), ["phone"]);
    await redis.kill();
    const error = await assertRejects(() => store.edit(add("tablet")), KeyFileError, "REDIS_URL");
    assert(!error.message.includes("127.0.0.1"), error.message);
    // Without an append-only file: the server has lost all.
    await redis.start();
    await until("Redis answers", async () => await store.fingerprint() !== "unreachable");
    assertEquals(await names(store), ["phone"]);
  },
);

storeTest(
  "onChange() announces the changes of others at once, also after a restart of Redis, and none that is known",
  async (redis, open) => {
    const { store } = await open("one");
    const { store: other } = await open("two");
    let count = 0;
    const stop = store.onChange(() => void (count += 1));
    try {
      const subscribed = async () => String(await redis.command("PUBSUB", "NUMSUB", REDIS_KEY)).endsWith("1");
      await until("the subscription", subscribed);
      await other.edit(add("phone"));
      await until("the announcement", () => count === 1);
      await store.edit(add("tablet"));
      await redis.kill();
      await redis.start();
      await until("the subscription", subscribed);
      await until("the connection", async () => await other.fingerprint() !== "unreachable");
      assertEquals(await names(other), ["phone"]);
      assertEquals(await names(store), ["phone", "tablet"]);
      await other.edit(add("watch"));
      await until("the announcement", () => count === 2);
      await redis.command("PUBLISH", REDIS_KEY, "nonsense");
    } finally {
      await stop();
    }
    assertEquals(count, 2);
  },
);

storeTest("RedisKeyStore works where its copy cannot be written, and says so once", async (_redis, open, directory) => {
  const { store, lines } = await open("one");
  await Deno.mkdir(`${directory}/one.json.tmp/full`, { recursive: true });
  await store.edit(add("phone"));
  await store.edit(add("tablet"));
  assertEquals(await names(store), ["phone", "tablet"]);
  assertEquals(lines.length, 1);
  assertStringIncludes(lines[0] ?? "", "Keys in Redis are not copied to this machine: Copy of the keys");
});

storeTest(
  "RedisKeyStore reads no keys where its copy is damaged, and says what to do",
  async (_redis, open, directory) => {
    const { store } = await open("one");
    await store.edit(add("phone"));
    await Deno.writeTextFile(`${directory}/one.json`, "{}");
    await assertRejects(() => store.read(), KeyFileError, "is damaged. Remove it");
  },
);
