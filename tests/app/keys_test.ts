import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type OpenKeys, openKeys } from "../../src/app/keys.ts";
import { openKeyStore } from "../../src/app/key_store.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { Config } from "../../src/config/settings.ts";
import { type KeyStore, KeysUnavailableError } from "../../src/keys/key_store.ts";
import { KeyFileError } from "../../src/keys/default_key_file.ts";
import { editKeysFile } from "../../src/keys/keyring_file.ts";
import { type KeyRecord, parseKeysFile } from "../../src/keys/schema.ts";
import { fillTemplate, type Log } from "../../src/observability/log.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { deriveKeyId, parseKey } from "../../src/protocol/secret_key.ts";
import { openTestKeyStore, REDIS_KEY } from "../support/key_stores.ts";
import { needing } from "../support/needs.ts";
import { REDIS_SERVER, startRedis } from "../support/redis_server.ts";
import { until } from "../support/deadline.ts";
import { makeRecord } from "../support/gateway.ts";
import { fakePlatform } from "../support/platform.ts";
import type { Platform } from "../../src/platform.ts";
import { inTempDir } from "../support/temp_dir.ts";

const LOG: Log = { debug() {}, info() {}, warn() {}, error() {} };
const LEFTOVER = ".secret_key.0123456789abcdef.tmp";

function configIn(directory: string): Config {
  return parseConfig({ SECRET_KEY_FILE: `${directory}/secret_key.txt`, KEYS_FILE: `${directory}/keys.json` });
}

async function open(
  config: Config,
  { files = Deno, log = LOG }: { readonly files?: Platform["files"]; readonly log?: Log } = {},
): Promise<OpenKeys> {
  return await openKeys(config, fakePlatform({ files }), {
    log,
    metrics: { gauge() {}, counter() {} },
    services: SERVICES,
    store: await openKeyStore(config, { files, services: SERVICES, server: undefined, masterKey: undefined, log }),
  });
}

Deno.test("openKeys() removes the temporary key file of an interrupted start, at the first start and at later ones", () =>
  inTempDir(async (directory) => {
    const config = configIn(directory);
    let key: string | undefined;
    for (const start of ["first", "second"]) {
      await Deno.writeTextFile(`${directory}/${LEFTOVER}`, "ab".repeat(32));
      const keys = await open(config);
      await keys.close();
      const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
      assertEquals(names, ["secret_key.txt"], start);
      const kept = await Deno.readTextFile(config.keys.secretKeyFile);
      assertEquals(kept, key ?? kept, start);
      key = kept;
    }
  }));

Deno.test("openKeys() names the key that it created, at the first start only", () =>
  inTempDir(async (directory) => {
    const config = configIn(directory);
    const newKeyIds: (string | undefined)[] = [];
    for (let start = 0; start < 2; start++) {
      const keys = await open(config);
      newKeyIds.push(keys.newKeyId);
      await keys.close();
    }
    const secret = parseKey((await Deno.readTextFile(config.keys.secretKeyFile)).trim());
    assertEquals(newKeyIds, [secret && await deriveKeyId(secret), undefined]);
  }));

Deno.test("openKeys() creates no key beside an empty keys file, as the last device left it, and says what to do", () =>
  inTempDir(async (directory) => {
    const config = configIn(directory);
    await Deno.writeTextFile(config.keys.keysFile, '{"version":1,"keys":[]}', { mode: 0o600 });
    const warnings: unknown[][] = [];
    const log = { ...LOG, warn: (...line: unknown[]) => void warnings.push(line) };
    const keys = await open(config, { log });
    assertEquals([keys.newKeyId, keys.keyring.size], [undefined, 0]);
    await keys.edit((known) => [...known, makeRecord({ name: "phone" })]);
    assertEquals(keys.keyring.size, 1);
    await keys.close();
    await assertRejects(() => Deno.stat(config.keys.secretKeyFile), Deno.errors.NotFound);
    assertEquals(warnings.length, 1);
    assertStringIncludes(JSON.stringify(warnings), "deno task keys pair NAME");
  }));

Deno.test("OpenKeys.edit() writes the keys file and has the change in force when it settles, also where there was no file", () =>
  inTempDir(async (directory) => {
    const config = configIn(directory);
    const keys = await open(config);
    await using _close = { [Symbol.asyncDispose]: () => keys.close() };
    const records = [makeRecord({ name: "phone" }), makeRecord({ name: "tablet" })];
    const { before, after } = await keys.edit((known) => [...known, ...records]);
    assertEquals([before.length, after.length, keys.keyring.size], [0, 2, 3]);
    await keys.edit((known) => known.filter(({ name }) => name !== "phone"));
    assertEquals([...keys.keyring.expiryByName.keys()].toSorted(), ["default", "tablet"]);
    const names = parseKeysFile(await Deno.readTextFile(config.keys.keysFile), SERVICES).map(({ name }) => name);
    assertEquals(names, ["tablet"]);
  }));

Deno.test("OpenKeys.edit() applies all of many edits at once, beside those of another process", () =>
  inTempDir(async (directory) => {
    const config = configIn(directory);
    const keys = await open(config);
    await using _close = { [Symbol.asyncDispose]: () => keys.close() };
    const options = { files: Deno, mode: "strict", services: SERVICES } as const;
    const add = (name: string) => (known: readonly KeyRecord[]) => [...known, makeRecord({ name })];
    const names = Array.from({ length: 6 }, (_, index) => `key${index}`);
    const others = names.map((name) => editKeysFile(config.keys.keysFile, add(`other-${name}`), options));
    await Promise.all(names.map(async (name) => {
      await keys.edit(add(name));
      assert(keys.keyring.expiryByName.has(name), name);
    }));
    await Promise.all(others);
    await keys.edit((known) => known);
    assertEquals(keys.keyring.size, 2 * names.length + 1);
  }));

Deno.test("OpenKeys.edit() changes nothing when the change throws, when the file is invalid, or when it cannot be written", () =>
  inTempDir(async (directory) => {
    const config = configIn(directory);
    const keys = await open(config);
    await using _close = { [Symbol.asyncDispose]: () => keys.close() };
    const record = makeRecord({ name: "phone" });
    await keys.edit(() => [record]);
    const text = await Deno.readTextFile(config.keys.keysFile);
    await assertRejects(() => keys.edit(() => Promise.reject(new RangeError("no"))), RangeError, "no");
    await assertRejects(() => keys.edit(() => [record, record]), KeyFileError, "is unchanged, as the edit would make");
    assertEquals(await Deno.readTextFile(config.keys.keysFile), text);
    await Deno.writeTextFile(config.keys.keysFile, "{");
    await assertRejects(() => keys.edit(() => []), KeyFileError, "is invalid: it is not JSON");
    assertEquals(await Deno.readTextFile(config.keys.keysFile), "{");
    assertEquals(keys.keyring.size, 2);
  }));

Deno.test("OpenKeys.edit() names the file and the remedy when the disk is read-only, and keeps the keys", () =>
  inTempDir(async (directory) => {
    const config = configIn(directory);
    const readOnly = () => Promise.reject(new Error("Read-only file system (os error 30)"));
    const keys = await open(config, { files: { ...Deno, open: readOnly } });
    await using _close = { [Symbol.asyncDispose]: () => keys.close() };
    const error = await assertRejects(() => keys.edit(() => [makeRecord({ name: "phone" })]), KeyFileError);
    assertStringIncludes(error.message, `"${config.keys.keysFile}.lock" cannot be used: Read-only file system`);
    assertStringIncludes(error.message, "in a writable directory");
    assertEquals(keys.keyring.size, 1);
  }));

Deno.test("OpenKeys.edit() rejects when the new file cannot be loaded, and the keys before stay active", () =>
  inTempDir(async (directory) => {
    const config = configIn(directory);
    const keys = await open(config);
    await using _close = { [Symbol.asyncDispose]: () => keys.close() };
    const secret = parseKey((await Deno.readTextFile(config.keys.secretKeyFile)).trim());
    const edit = () => keys.edit(() => [{ ...makeRecord({ name: "phone" }), ...secret && { secret } }]);
    await assertRejects(edit, KeyFileError, "has the same secret as");
    assertEquals([...keys.keyring.expiryByName.keys()], ["default"]);
  }));

Deno.test("OpenKeys.edit() changes nothing when the file of the key default cannot be loaded", () =>
  inTempDir(async (directory) => {
    const config = configIn(directory);
    const keys = await open(config);
    await using _close = { [Symbol.asyncDispose]: () => keys.close() };
    await keys.edit(() => [makeRecord({ name: "phone" })]);
    const before = await Deno.readTextFile(config.keys.keysFile);
    await Deno.writeTextFile(config.keys.secretKeyFile, "not a key");
    await assertRejects(() => keys.edit(() => []), KeyFileError, config.keys.secretKeyFile);
    assertEquals(await Deno.readTextFile(config.keys.keysFile), before);
    assertEquals([...keys.keyring.expiryByName.keys()].toSorted(), ["default", "phone"]);
  }));

/** Place in Redis that is out of reach until it is opened. */
function unreachableStore(): KeyStore & { isReachable: boolean } {
  return {
    isReachable: false,
    place: "Redis",
    read() {
      return this.isReachable
        ? Promise.resolve(undefined)
        : Promise.reject(new KeysUnavailableError("Check REDIS_URL"));
    },
    edit: () => Promise.reject(new KeysUnavailableError("Check REDIS_URL")),
    fingerprint: () => Promise.resolve("unreachable"),
    onChange: () => () => Promise.resolve(),
  };
}

function openInRedis(directory: string, options: { readonly store: KeyStore; readonly stopped?: Promise<void> }) {
  const lines: string[] = [];
  const write = (text: string, properties?: Record<string, unknown>) => void lines.push(fillTemplate(text, properties));
  const config = parseConfig({
    SECRET_KEY_FILE: `${directory}/secret_key.txt`,
    KEYS_REDIS: "on",
    REDIS_URL: "redis://127.0.0.1:1",
    KEYS_MASTER_KEY_FILE: `${directory}/master_key.txt`,
  });
  const log = { ...LOG, warn: write, error: write };
  const metrics = { gauge() {}, counter() {} };
  return { lines, opened: openKeys(config, fakePlatform(), { log, metrics, services: SERVICES, ...options }) };
}

Deno.test("openKeys() waits while the keys in Redis are out of reach, then creates no key where Redis has none", () =>
  inTempDir(async (directory) => {
    const store = unreachableStore();
    const { lines, opened } = openInRedis(directory, { store });
    await until("the reason is logged", () => lines.length > 0);
    store.isReachable = true;
    const keys = await opened;
    await keys.check();
    store.isReachable = false;
    await assertRejects(() => keys.check(), KeysUnavailableError);
    await keys.close();
    assertEquals([keys.newKeyId, keys.keyring.size], [undefined, 0]);
    assertEquals(lines, [
      "The start waits for the keys: Check REDIS_URL",
      "No device has a key: Redis has none. Give each its own: deno task keys pair NAME",
    ]);
    await assertRejects(() => Deno.stat(`${directory}/secret_key.txt`), Deno.errors.NotFound);
  }));

Deno.test("openKeys() ends its wait for Redis when the program is to end", () =>
  inTempDir(async (directory) => {
    const stopped = Promise.withResolvers<void>();
    const { lines, opened } = openInRedis(directory, { store: unreachableStore(), stopped: stopped.promise });
    opened.catch(() => {});
    await until("the reason is logged", () => lines.length > 0);
    stopped.resolve();
    await assertRejects(() => opened, KeysUnavailableError, "Check REDIS_URL");
  }));

Deno.test(
  needing("a change of the keys in Redis is in force, also when its announcement is lost", {
    "redis-server": REDIS_SERVER,
  }),
  () =>
    inTempDir(async (directory) => {
      await using scope = new AsyncDisposableStack();
      const redis = await startRedis(scope);
      const { store } = await openTestKeyStore(scope, { redis, copy: `${directory}/one.json` });
      const { store: other } = await openTestKeyStore(scope, { redis, copy: `${directory}/two.json` });
      await other.edit(() => [makeRecord({ name: "phone" }), makeRecord({ name: "tablet" })]);
      const deaf = { ...store, onChange: () => () => Promise.resolve() };
      const keys = await openInRedis(directory, { store: deaf }).opened;
      await using _close = { [Symbol.asyncDispose]: () => keys.close() };
      const { grant } = keys.keyring.list().find(({ name }) => name === "phone") ?? {};
      await other.edit((records) => records.filter(({ name }) => name !== "phone"));
      await until("the key is revoked", () => grant?.revoked.aborted === true);
      assertEquals([...keys.keyring.expiryByName.keys()], ["tablet"]);
      await keys.edit((records) => [...records, makeRecord({ name: "watch" })]);
      assertEquals([...keys.keyring.expiryByName.keys()], ["watch", "tablet"]);
      await redis.command("FLUSHALL");
      await until("Redis has the keys again", async () => (await redis.command("EXISTS", REDIS_KEY)) === 1);
      assertEquals([...keys.keyring.expiryByName.keys()], ["watch", "tablet"]);
    }),
);
