import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Log } from "../../src/observability/log.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { type KeyWatcherOptions, watchKeys } from "../../src/keys/watcher.ts";
import { LiveKeyring } from "../../src/keys/keyring.ts";
import { until } from "../support/deadline.ts";
import { makeRecord } from "../support/gateway.ts";

function makeWatcher() {
  const keyring = new LiveKeyring({ now: () => Date.now(), random: randomBytes, allRights: {} });
  const lines: string[] = [];
  const write = (message: string, properties = {}) => void lines.push(`${message} ${JSON.stringify(properties)}`);
  const log: Log = { debug: write, info: write, warn: write, error: write };
  const disk = {
    fingerprint: "1",
    names: ["a"],
    fault: undefined as Error | undefined,
    loads: 0,
    fingerprints: [] as string[],
    onFingerprint: undefined as (() => Promise<string>) | undefined,
  };
  const options: KeyWatcherOptions = {
    keyring,
    load() {
      disk.loads += 1;
      if (disk.fault !== undefined) return Promise.reject(disk.fault);
      return Promise.resolve({ single: undefined, records: disk.names.map((name) => makeRecord({ name })) });
    },
    fingerprint: () => disk.onFingerprint?.() ?? Promise.resolve(disk.fingerprints.shift() ?? disk.fingerprint),
    pollMs: 1,
    log,
  };
  return { keyring, lines, disk, watcher: watchKeys(options, "1") };
}

Deno.test("watchKeys() loads the keys when the files have changed, and only then", async () => {
  const { keyring, disk, watcher } = makeWatcher();
  disk.names = ["a", "b"];
  disk.fingerprint = "2";
  await until("the change is loaded", () => keyring.size === 2);
  assertEquals(disk.loads, 1);
  await watcher.close();
});

Deno.test("watchKeys() does not load at the first poll that finds a change: an editor may not be done", async () => {
  const { keyring, disk, watcher } = makeWatcher();
  disk.fingerprints = ["2", "1", "2", "1", "2", "1"];
  disk.fingerprint = "1";
  await until("all polls ran", () => disk.fingerprints.length === 0);
  assertEquals([keyring.size, disk.loads], [0, 0]);
  await watcher.close();
});

Deno.test("watchKeys() loads at the second poll, also while the files keep changing", async () => {
  const { keyring, disk, watcher } = makeWatcher();
  disk.fingerprints = Array.from({ length: 1000 }, (_, index) => `edit ${index}`);
  await until("a change is loaded", () => keyring.size === 1);
  assert(disk.fingerprints.length > 0, "Loaded only after the last change");
  await watcher.close();
});

Deno.test("watchKeys() keeps the current keys when the new ones cannot be loaded, and logs it once", async () => {
  const { keyring, lines, disk, watcher } = makeWatcher();
  await watcher.reload();
  disk.fault = new Error("Keys file is wrong");
  disk.fingerprint = "2";
  await until("it was tried several times", () => disk.loads > 5);
  assertEquals(keyring.size, 1);
  assertEquals(lines.filter((line) => line.includes("Keys file is wrong")).length, 1);
  await watcher.close();
});

Deno.test("watchKeys() retries after a temporary failure, without a further change of the files", async () => {
  const { keyring, disk, watcher } = makeWatcher();
  await watcher.reload();
  disk.fault = new Error("Too many open files");
  disk.names = [];
  disk.fingerprint = "2";
  await until("it was tried", () => disk.loads > 2);
  assertEquals(keyring.size, 1);
  disk.fault = undefined;
  await until("the key is removed", () => keyring.size === 0);
  await watcher.close();
});

Deno.test("watchKeys() does not poll while a poll is running", async () => {
  const { disk, watcher } = makeWatcher();
  const hanging = Promise.withResolvers<string>();
  let calls = 0;
  disk.onFingerprint = () => {
    calls += 1;
    return hanging.promise;
  };
  await until("a poll hangs", () => calls === 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(calls, 1);
  hanging.resolve("1");
  await watcher.close();
});

Deno.test("reload() loads at once, without a change of the files", async () => {
  const { keyring, disk, watcher } = makeWatcher();
  disk.names = ["a", "b", "c"];
  await watcher.reload();
  assertEquals(keyring.size, 3);
  await watcher.close();
});

Deno.test("load() loads at once, not beside another load, and rejects when the files cannot be loaded", async () => {
  const { keyring, disk, lines, watcher } = makeWatcher();
  disk.names = ["a", "b"];
  await Promise.all([watcher.load(), watcher.reload(), watcher.load()]);
  assertEquals([keyring.size, disk.loads], [2, 3]);
  const { promise, resolve } = Promise.withResolvers<string>();
  disk.onFingerprint = () => promise;
  const [first, second] = [watcher.load(), watcher.load()];
  disk.names = ["a", "b", "c"];
  disk.onFingerprint = undefined;
  resolve("2");
  await Promise.all([first, second]);
  assertEquals(keyring.size, 3);
  disk.fault = new Error("Keys file is wrong");
  disk.fingerprint = "3";
  await assertRejects(() => watcher.load(), Error, "Keys file is wrong");
  assertEquals(keyring.size, 3);
  assertEquals(lines.filter((line) => line.includes("Keys file is wrong")).length, 1);
  await watcher.close();
});
