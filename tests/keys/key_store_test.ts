/** Contract of the places of the keys' records, on the keys file and on a real Redis. */
import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { KeyFileError } from "../../src/keys/default_key_file.ts";
import { createFileKeyStore } from "../../src/keys/file_key_store.ts";
import type { KeyStore } from "../../src/keys/key_store.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { makeRecord } from "../support/gateway.ts";
import { openTestKeyStore } from "../support/key_stores.ts";
import { needing } from "../support/needs.ts";
import { REDIS_SERVER, startRedis } from "../support/redis_server.ts";
import { inTempDir } from "../support/temp_dir.ts";

type OpenStore = () => Promise<KeyStore>;

const add = (name: string) => (records: readonly KeyRecord[]) => [...records, makeRecord({ name })];
const names = async (store: KeyStore) => (await store.read())?.keys.map(({ name }) => name);

/** Declares a test for both places; each `open` is another process. */
function contract(name: string, test: (open: OpenStore) => Promise<void>): void {
  Deno.test(`KeyStore in a file: ${name}`, () =>
    inTempDir((directory) => {
      const options = { files: Deno, mode: "strict", services: SERVICES } as const;
      return test(() => Promise.resolve(createFileKeyStore(`${directory}/keys.json`, options)));
    }));
  Deno.test(
    needing(`KeyStore in Redis: ${name}`, { "redis-server": REDIS_SERVER }),
    () =>
      inTempDir(async (directory) => {
        await using scope = new AsyncDisposableStack();
        const redis = await startRedis(scope);
        let count = 0;
        await test(async () => {
          count += 1;
          return (await openTestKeyStore(scope, { redis, copy: `${directory}/copy${count}.json` })).store;
        });
      }),
  );
}

contract("read() returns undefined before the first edit, then what another process wrote", async (open) => {
  const [one, other] = [await open(), await open()];
  assertEquals(await one.read(), undefined);
  const record = makeRecord({ name: "phone" });
  const edit = await one.edit(() => [record]);
  assertEquals([edit.before, edit.after], [[], [record]]);
  assertEquals((await other.read())?.keys, [record]);
  await other.edit(() => []);
  assertEquals((await one.read())?.keys, []);
});

contract("edit() loses no edit of several processes at once", async (open) => {
  const stores = [await open(), await open(), await open()];
  const all = Array.from({ length: 12 }, (_, index) => `key${index}`);
  await Promise.all(all.map((name, index) => stores[index % 3]?.edit(add(name))));
  for (const store of stores) assertEquals((await names(store))?.toSorted(), all.toSorted());
});

contract("edit() changes nothing when the change throws, or when the records would be invalid", async (open) => {
  const store = await open();
  await store.edit(add("phone"));
  await assertRejects(() => store.edit(() => Promise.reject(new RangeError("no"))), RangeError, "no");
  const twice = await assertRejects(() => store.edit(add("phone")), KeyFileError, "is unchanged");
  assertEquals(twice.message.includes(`name "phone" is there twice`), true);
  assertEquals(await names(store), ["phone"]);
});

contract("fingerprint() differs after an edit of another process, and only then", async (open) => {
  const [one, other] = [await open(), await open()];
  const none = await one.fingerprint();
  assertEquals(await one.fingerprint(), none);
  await other.edit(add("phone"));
  const first = await one.fingerprint();
  assertNotEquals(first, none);
  assertEquals(await one.fingerprint(), first);
  await other.edit(add("tablet"));
  assertNotEquals(await one.fingerprint(), first);
});
