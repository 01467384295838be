import { assertEquals } from "@std/assert";
import type { Log } from "../../src/observability/log.ts";
import { randomBytes } from "../../src/protocol/envelope.ts";
import { type KeyWatcherOptions, watchKeys } from "../../src/security/key_watcher.ts";
import { LiveKeyring } from "../../src/security/keyring.ts";
import { until } from "../deadline.ts";
import { makeRecord } from "../gateway/fixture.ts";

function makeWatcher() {
  const keyring = new LiveKeyring(() => Date.now(), randomBytes);
  const lines: string[] = [];
  const tell = (message: string, properties = {}) => void lines.push(`${message} ${JSON.stringify(properties)}`);
  const log: Log = { debug: tell, info: tell, warn: tell, error: tell };
  const disk = { stamp: "1", names: ["a"], fault: undefined as Error | undefined, loads: 0, stamps: [] as string[] };
  const options: KeyWatcherOptions = {
    keyring,
    load() {
      disk.loads += 1;
      if (disk.fault !== undefined) return Promise.reject(disk.fault);
      return Promise.resolve({ single: undefined, records: disk.names.map((name) => makeRecord({ name })) });
    },
    stamp: () => Promise.resolve(disk.stamps.shift() ?? disk.stamp),
    pollMs: 1,
    log,
  };
  return { keyring, lines, disk, watcher: watchKeys(options, "1") };
}

Deno.test("watchKeys() loads the keys when the files have changed, and only then", async () => {
  const { keyring, disk, watcher } = makeWatcher();
  disk.names = ["a", "b"];
  disk.stamp = "2";
  await until("the change is loaded", () => keyring.size === 2);
  assertEquals(disk.loads, 1);
  await watcher.close();
});

Deno.test("watchKeys() waits until a file that is being written looks the same twice", async () => {
  const { keyring, disk, watcher } = makeWatcher();
  disk.stamps = ["2", "3", "NotFound", "4"];
  disk.stamp = "5";
  await until("the change is loaded", () => keyring.size === 1);
  assertEquals(disk.loads, 1);
  await watcher.close();
});

Deno.test("watchKeys() keeps the keys that it has when the new ones cannot be loaded, and says so once", async () => {
  const { keyring, lines, disk, watcher } = makeWatcher();
  await watcher.reload();
  disk.fault = new Error("Keys file is wrong");
  disk.stamp = "2";
  await until("the fault is told", () => lines.some((line) => line.includes("Keys file is wrong")));
  await watcher.reload();
  assertEquals(keyring.size, 1);
  assertEquals(disk.loads, 3);
  disk.fault = undefined;
  disk.names = ["a", "b"];
  disk.stamp = "3";
  await until("the mended file is loaded", () => keyring.size === 2);
  await watcher.close();
});

Deno.test("reload() loads at once, without a change of the files", async () => {
  const { keyring, disk, watcher } = makeWatcher();
  disk.names = ["a", "b", "c"];
  await watcher.reload();
  assertEquals(keyring.size, 3);
  await watcher.close();
});
