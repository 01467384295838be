/** Keys in a real Redis, of two gateway processes in folders of their own, as on two machines. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { GatewayClient, RefusedError, WrongKeyError } from "../../src/client/gateway_client.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { formatKeysFile, type KeyRecord, parseKeysFile } from "../../src/keys/schema.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { until, within } from "../support/deadline.ts";
import { makeRecord } from "../support/gateway.ts";
import { type CommandResult, type GatewayProcess, runMain, startGatewayProcess } from "../support/gateway_process.ts";
import { REDIS_KEY } from "../support/key_stores.ts";
import { needing } from "../support/needs.ts";
import { REDIS_SERVER, type TestRedis, withRedis } from "../support/redis_server.ts";
import { inTempDir } from "../support/temp_dir.ts";

const RIGHTS = { services: ["mqtt"], publish: ["#"], subscribe: ["#"] } as const;

interface ReplicasContext {
  readonly redis: TestRedis;
  readonly masterKey: string;
  /** Records of `phone` and `tablet`, which are in Redis. */
  readonly phone: KeyRecord;
  readonly tablet: KeyRecord;
  /** Starts a gateway in a folder of its own, with a copy of the master key. */
  start(name: string): Promise<GatewayProcess>;
  /** Runs `deno task keys` in the folder of a replica. */
  keys(name: string, ...args: string[]): Promise<CommandResult>;
  /** Returns the folder of a replica. */
  folder(name: string): string;
}

/** Declares a test with a Redis that has two keys, brought there by the commands. */
function replicasTest(name: string, test: (context: ReplicasContext) => Promise<void>): void {
  Deno.test(needing(name, { "redis-server": REDIS_SERVER }), () =>
    inTempDir((root) =>
      withRedis({}, async (redis) => {
        const started: GatewayProcess[] = [];
        const env = {
          RATE_LIMITS: "off",
          HEALTH_CHECK_SECONDS: "1",
          REDIS_URL: redis.url().href,
          KEYS_REDIS: "on",
          KEYS_MASTER_KEY_FILE: "data/master_key.txt",
        };
        const folder = (name: string) => `${root}/${name}`;
        const [phone, tablet] = [makeRecord({ name: "phone", ...RIGHTS }), makeRecord({ name: "tablet", ...RIGHTS })];
        const keys = (name: string, ...args: string[]) => runMain(["keys", ...args], { directory: folder(name), env });
        await Deno.mkdir(`${folder("one")}/data`, { recursive: true });
        await Deno.writeTextFile(`${folder("one")}/data/keys.json`, formatKeysFile([phone, tablet]), { mode: 0o600 });
        assertEquals((await keys("one", "master-key")).code, 0);
        const { text } = await keys("one", "import");
        assertStringIncludes(text, "Keys imported into Redis: 2. There already: 0.");
        const masterKey = (await Deno.readTextFile(`${folder("one")}/data/master_key.txt`)).trim();
        async function start(name: string): Promise<GatewayProcess> {
          const path = `${folder(name)}/data/master_key.txt`;
          await Deno.mkdir(`${folder(name)}/data`, { recursive: true });
          await Deno.writeTextFile(path, `${masterKey}\n`, { mode: 0o600 });
          const gateway = await startGatewayProcess(env, { directory: folder(name), key: phone.secret.toHex() });
          gateway.keepSecret("the master key", masterKey);
          for (const { name, secret } of [phone, tablet]) gateway.keepSecret(name, secret.toHex());
          started.push(gateway);
          await until("the replica serves", () => works(gateway, tablet).catch(() => false));
          return gateway;
        }
        try {
          await within("the test", test({ redis, masterKey, phone, tablet, start, keys, folder }), 90_000);
        } finally {
          redis.signal("SIGCONT");
          for (const gateway of started) await gateway.stop();
        }
      })
    ));
}

const clientOf = ({ url }: GatewayProcess, { secret }: Pick<KeyRecord, "secret">) =>
  new GatewayClient({ url, key: secret.toHex(), protocol: 2 });

async function works(gateway: GatewayProcess, record: Pick<KeyRecord, "secret">): Promise<boolean> {
  try {
    await clientOf(gateway, record).publish("t", "m");
    return true;
  } catch (error) {
    if (error instanceof WrongKeyError || error instanceof RefusedError) return false;
    throw error;
  }
}

/** Opens a stream, and returns the message that ends it. */
async function openStream(gateway: GatewayProcess, record: KeyRecord): Promise<{ readonly ended: Promise<string> }> {
  const connected = Promise.withResolvers<void>();
  const ended = (async () => {
    for await (const event of clientOf(gateway, record).subscribe(["a"])) {
      if (event.type === "connected") connected.resolve();
      if (event.type === "error") return event.message;
    }
    return "";
  })();
  ended.catch(connected.reject);
  await connected.promise;
  return { ended };
}

/** Returns whether a replica names its keys as a cause of not being ready. */
async function lacksKeys({ metricsUrl }: GatewayProcess): Promise<boolean> {
  const response = await fetch(`${metricsUrl}/health/ready`);
  const { failing } = await response.json();
  return response.status === 503 && failing.includes("keys");
}

replicasTest(
  "a key that a command adds, changes or disables is in force at each replica, and its streams end there",
  async ({ phone, tablet, start, keys, redis, masterKey, folder }) => {
    const gateways = [await start("one"), await start("two")];
    const streams = await Promise.all(gateways.map((gateway) => openStream(gateway, phone)));
    assertEquals((await keys("two", "disable", "phone")).code, 0);
    for (const { ended } of streams) assertEquals(await ended, "Key phone was removed or disabled");
    for (const gateway of gateways) {
      assertEquals([await works(gateway, phone), await works(gateway, tablet)], [
        false,
        true,
      ]);
    }

    const added = await keys("one", "add", "watch", "--publish", "#", "--subscribe", "#");
    assertStringIncludes(added.text, `Key "watch" is in Redis.`);
    const shown = await keys("two", "show", "watch", "--url", "https://home.example", "--no-qr");
    const secret = Uint8Array.fromHex(/#key=([0-9a-f]{64})/.exec(shown.text)?.[1] ?? "");
    for (const gateway of gateways) await until("the new key works", () => works(gateway, { secret }));

    const changed = await Promise.all(gateways.map((gateway) => openStream(gateway, tablet)));
    assertEquals((await keys("one", "set", "tablet", "--publish", "t", "--subscribe", "a")).code, 0);
    for (const { ended } of changed) assertEquals(await ended, "Key tablet was changed: connect again");
    assertEquals((await keys("one", "remove", "watch")).code, 0);
    for (const gateway of gateways) await until("the key is removed", async () => !await works(gateway, { secret }));

    // Neither Redis nor the copies have a secret in clear text.
    const texts = [await Deno.readTextFile(`${folder("two")}/data/keys_redis.json`)];
    for (const key of [await redis.command("KEYS", "*")].flat().map(String)) {
      const dump = await redis.command("TYPE", key) === "hash"
        ? await redis.command("HVALS", key)
        : await redis.command("DUMP", key);
      texts.push(String(dump));
    }
    for (const text of texts) {
      for (const hidden of [masterKey, ...[phone, tablet, { secret }].map((one) => one.secret.toHex())]) {
        assert(!text.toLowerCase().includes(hidden), "A secret is in clear text");
      }
    }
    // No replica has made a key with every right.
    for (const name of ["one", "two"]) {
      const names = (await Array.fromAsync(Deno.readDir(`${folder(name)}/data`))).map((entry) => entry.name);
      assert(!names.includes("secret_key.txt"), name);
    }
  },
);

replicasTest(
  "replicas keep their keys while Redis is emptied, rolled back, frozen or restarted, and say so",
  async ({ redis, phone, tablet, start, keys }) => {
    const gateways = [await start("one"), await start("two")];
    const field = async (name: string) => String(await redis.command("HGET", REDIS_KEY, name));
    const backup = ["version", await field("version"), "sealed", await field("sealed")];
    await keys("one", "remove", "phone");
    for (const gateway of gateways) await until("the key is removed", async () => !await works(gateway, phone));
    const newest = Number(await field("version"));

    for (const change of [["FLUSHALL"], ["HSET", REDIS_KEY, ...backup]]) {
      await redis.command(...change);
      await until("Redis has the newest keys again", async () => Number(await field("version")) === newest);
      for (const gateway of gateways) {
        await until("the replay store begins anew", () => works(gateway, tablet).catch(() => false));
        assertEquals(await works(gateway, phone), false);
      }
    }
    const text = gateways.map(({ output }) => output.text).join("");
    for (const what of ["no", "older"]) assertStringIncludes(text, `"what":"${what}"`);

    redis.signal("SIGSTOP");
    for (const gateway of gateways) {
      await until("the replica says so", () => lacksKeys(gateway));
    }
    redis.signal("SIGCONT");
    for (const gateway of gateways) {
      await until("the keys are read again", async () => !await lacksKeys(gateway));
      await until("the key works", () => works(gateway, tablet).catch(() => false));
      assertEquals(await works(gateway, phone), false);
    }
    // Without an append-only file, it loses everything.
    await redis.kill();
    const refused = await keys("one", "disable", "tablet");
    assertEquals(refused.code, 78);
    assertStringIncludes(refused.text, "REDIS_URL), which is not reachable. deno task doctor says why");
    await redis.start();
    for (const gateway of gateways) await until("the key works", () => works(gateway, tablet).catch(() => false));
    await until("Redis has the newest keys again", async () => Number(await field("version")) === newest);
    assertEquals((await keys("two", "disable", "tablet")).code, 0);
    for (const gateway of gateways) await until("the key is disabled", async () => !await works(gateway, tablet));
  },
);

replicasTest(
  "a device that removes its key at one replica is refused at each, where its streams end",
  async ({ phone, tablet, start, keys }) => {
    const [one, two] = [await start("one"), await start("two")];
    const { ended } = await openStream(two, phone);
    await clientOf(one, phone).forget();
    assertEquals(await works(one, phone), false);
    assertEquals(await ended, "Key phone was removed or disabled");
    assertEquals([await works(two, phone), await works(two, tablet)], [false, true]);
    assert(!(await keys("two", "list")).text.includes("phone"));
  },
);

replicasTest("edits of several processes at once lose nothing", async ({ keys, folder, masterKey }) => {
  await Deno.mkdir(`${folder("two")}/data`, { recursive: true });
  await Deno.writeTextFile(`${folder("two")}/data/master_key.txt`, masterKey, { mode: 0o600 });
  const names = Array.from({ length: 6 }, (_, index) => `key${index}`);
  const results = await Promise.all(names.map((name, index) => keys(index % 2 === 0 ? "one" : "two", "add", name)));
  assertEquals(results.map(({ code }) => code), names.map(() => 0));
  assertEquals((await keys("two", "export", "all.json")).code, 0);
  const all = parseKeysFile(await Deno.readTextFile(`${folder("two")}/all.json`), SERVICES).map(({ name }) => name);
  assertEquals(all.toSorted(), [...names, "phone", "tablet"].toSorted());
});

replicasTest(
  "a start waits for Redis with its port closed, and serves once Redis answers",
  async ({ redis, phone, start }) => {
    await redis.kill();
    const gateway = start("one");
    // Redis has lost all: the copy of the command that imported the keys is in this folder.
    await redis.start();
    assertEquals(await works(await gateway, phone), true);
  },
);

replicasTest(
  "a replica with another master key does not start, and changes nothing",
  async ({ redis, keys, folder }) => {
    await Deno.mkdir(`${folder("two")}/data`, { recursive: true });
    const before = await redis.command("HGET", REDIS_KEY, "sealed");
    const missing = await keys("two", "list");
    assertEquals(missing.code, 78);
    assertStringIncludes(missing.text, "deno task keys master-key");
    const second = await keys("two", "master-key");
    assertEquals(second.code, 78);
    assertStringIncludes(second.text, "Redis has keys, which are encrypted with another master key");
    await Deno.writeTextFile(`${folder("two")}/data/master_key.txt`, randomBytes(32).toHex(), { mode: 0o644 });
    for (const args of [["list"], ["add", "watch"], ["import", `${folder("one")}/data/keys.json`]]) {
      const { code, text } = await keys("two", ...args);
      assertEquals(code, 78, text);
      assertStringIncludes(text, "cannot be decrypted with the master key in KEYS_MASTER_KEY_FILE");
      assert(!/^\s+at /m.test(text), text);
    }
    const { mode } = await Deno.stat(`${folder("two")}/data/master_key.txt`);
    assertEquals((mode ?? 0) & 0o777, 0o600);
    assertEquals(await redis.command("HGET", REDIS_KEY, "sealed"), before);
  },
);

replicasTest(
  "keys import can be repeated, and imports nothing where another key has a name",
  async ({ keys, folder, phone }) => {
    assertStringIncludes((await keys("one", "import")).text, "Keys imported into Redis: 0. There already: 2.");
    await Deno.writeTextFile(
      `${folder("one")}/other.json`,
      formatKeysFile([makeRecord({ name: "watch" }), { ...makeRecord({ name: "phone" }), created: phone.created }]),
    );
    const { code, text } = await keys("one", "import", "other.json");
    assertEquals(code, 2);
    assertStringIncludes(text, `Nothing is imported: another key has the name "phone"`);
    assert(!(await keys("one", "list")).text.includes("watch"));
    assertEquals((await keys("one", "master-key")).code, 78);
  },
);

replicasTest(
  "each replica has the VAPID key of the first one, also after both start anew",
  async ({ phone, start, folder, redis }) => {
    const publicKeyOf = async (gateway: GatewayProcess) => (await clientOf(gateway, phone).push()).publicKey;
    const [one, two] = [await start("one"), await start("two")];
    const publicKey = await publicKeyOf(one);
    assertEquals([typeof publicKey, await publicKeyOf(two)], ["string", publicKey]);
    const [first, second] = await Promise.all(
      ["one", "two"].map((name) => Deno.readTextFile(`${folder(name)}/data/vapid_key.json`)),
    );
    assert(first !== second, "The replicas share a folder");
    const stored = String(await redis.command("GET", "e2eg:state:push:sealed_key"));
    assertEquals(stored.includes(String(JSON.parse(String(first)).d)), false);
    for (const gateway of [one, two]) await gateway.stop();
    // Its folder is empty, as that of a new pod.
    await Deno.remove(`${folder("two")}/data`, { recursive: true });
    assertEquals(await publicKeyOf(await start("two")), publicKey);
  },
);
