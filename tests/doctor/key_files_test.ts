import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { KEY_FILES } from "../../src/doctor/checks/key_files.ts";
import type { Finding } from "../../src/doctor/check.ts";
import type { Machine } from "../../src/doctor/context.ts";
import { formatKeysFile, type KeyRecord } from "../../src/keys/schema.ts";
import { EVERYDAY_RIGHTS } from "../support/rights.ts";
import { MASTER_KEY, openTestKeyStore } from "../support/key_stores.ts";
import { needing } from "../support/needs.ts";
import { REDIS_SERVER, startRedis } from "../support/redis_server.ts";
import { inTempDir } from "../support/temp_dir.ts";
import { answering, makeContext, NEVER_ABORTED, NOW } from "../support/doctor_context.ts";

const HEX = "ab".repeat(32);
const DAY = 86_400_000;

function record(name: string, change: Partial<KeyRecord> = {}): KeyRecord {
  const secret = new Uint8Array(32).fill(name.charCodeAt(0));
  return { ...EVERYDAY_RIGHTS, name, secret, created: 0, disabled: false, minProtocol: 1, ...change };
}

interface Files {
  readonly single?: string | undefined;
  readonly keys?: readonly KeyRecord[] | string;
  readonly mode?: number;
  /** Content of the state file, which has mode 0640. */
  readonly state?: string;
  /** Names of further files in the folder, which have mode 0600. */
  readonly others?: readonly string[];
  readonly env?: Record<string, string>;
  readonly machine?: Partial<Machine>;
}

async function runCheck(
  { single = HEX, keys, mode = 0o600, state, others = [], env = {}, machine = {} }: Files,
): Promise<Finding> {
  let found: Finding | undefined;
  await inTempDir(async (directory) => {
    const [SECRET_KEY_FILE, KEYS_FILE] = [`${directory}/key.txt`, `${directory}/keys.json`];
    if (single !== "") await Deno.writeTextFile(SECRET_KEY_FILE, single, { mode });
    if (keys !== undefined) {
      await Deno.writeTextFile(KEYS_FILE, typeof keys === "string" ? keys : formatKeysFile(keys), { mode: 0o600 });
    }
    if (state !== undefined) await Deno.writeTextFile(`${directory}/state.db`, state, { mode: 0o640 });
    for (const name of others) await Deno.writeTextFile(`${directory}/${name}`, "{}", { mode: 0o600 });
    const context = makeContext({ env: { SECRET_KEY_FILE, KEYS_FILE, ...env }, machine });
    found = await KEY_FILES.run(context, NEVER_ABORTED);
    // The check changes nothing.
    if (single !== "") assertEquals(((await Deno.stat(SECRET_KEY_FILE)).mode ?? 0) & 0o777, mode);
  });
  if (found === undefined) throw new Error("No check ran");
  assertEquals(JSON.stringify(found).includes(HEX), false, "A key was shown");
  return found;
}

Deno.test("keys is ok with keys in one file or both", async () => {
  assertMatch((await runCheck({})).message, /^1 usable key, in \S+key.txt$/);
  assertMatch(
    (await runCheck({ keys: [record("a"), record("b")] })).message,
    /^3 usable keys, in \S+ and \S+keys.json$/,
  );
});

Deno.test("keys is skipped before the first start, which creates a key", async () => {
  assertEquals(await runCheck({ single: "", machine: { listen: () => ({ close() {} }) } }), {
    status: "skipped",
    message: "There is no key yet: the first start creates one",
    remedy: "To add one for each device: deno task keys add NAME",
  });
});

Deno.test("keys fails when the keys file is empty, which no start fills", async () => {
  const { status, message, remedy } = await runCheck({ single: "", keys: [] });
  assertEquals(status, "failed");
  assertMatch(message, /^There is no key: \S+keys.json is empty$/);
  assertStringIncludes(remedy ?? "", "deno task keys pair NAME");
});

Deno.test("keys fails without the master key of keys in Redis, and says how to get it", async () => {
  const env = {
    KEYS_REDIS: "on",
    REDIS_URL: "redis://127.0.0.1:1",
    KEYS_MASTER_KEY_FILE: "/nonexistent/master_key.txt",
  };
  const { status, message, remedy } = await runCheck({ env });
  assertEquals(status, "failed");
  assertEquals(message, 'There is no file "/nonexistent/master_key.txt", which KEYS_MASTER_KEY_FILE names');
  assertStringIncludes(remedy ?? "", "Copy it from another replica");
});

Deno.test(
  needing("keys is ok with keys in Redis, and fails when there is none", { "redis-server": REDIS_SERVER }),
  () =>
    inTempDir(async (directory) => {
      await using scope = new AsyncDisposableStack();
      const redis = await startRedis(scope);
      const path = `${directory}/master_key.txt`;
      await Deno.writeTextFile(path, MASTER_KEY.toHex(), { mode: 0o600 });
      const env = { KEYS_REDIS: "on", REDIS_URL: redis.url().href, KEYS_MASTER_KEY_FILE: path };
      const empty = await runCheck({ single: "", env });
      assertEquals([empty.status, empty.message], ["failed", "There is no key: Redis has none"]);
      const { store } = await openTestKeyStore(scope, { redis, copy: `${directory}/copy.json` });
      await store.edit(() => [record("a")]);
      assertEquals((await runCheck({ single: "", env })).message, "1 usable key, in Redis");
    }),
);

Deno.test("keys warns without a key while a gateway runs, which has its keys elsewhere", async () => {
  const fetch = answering(200, JSON.stringify({ status: "ok", version: "1.0.0" }));
  const { status, message, remedy } = await runCheck({ single: "", machine: { fetch } });
  assertEquals([status, message], ["warning", "There is no key in these files, though a gateway runs"]);
  assertStringIncludes(remedy ?? "", "Run the doctor where the gateway runs");
});

Deno.test("keys fails when no key is usable", async () => {
  const unusable = await runCheck({
    single: "",
    keys: [record("a", { disabled: true }), record("b", { expires: NOW - 1 })],
  });
  assertEquals(unusable.status, "failed");
  assertEquals(unusable.message.split("\n"), [
    "No key is usable: all are expired or disabled",
    'Key "a" is disabled',
    'Key "b" has expired',
  ]);
});

Deno.test("keys warns of keys that expire within 14 days, and only lists expired and disabled ones", async () => {
  const keys = [
    record("gone", { expires: NOW - DAY }),
    record("soon", { expires: NOW + 3.5 * DAY }),
    record("today", { expires: NOW + DAY / 2 }),
    record("later", { expires: NOW + 15 * DAY }),
    record("off", { expires: NOW - DAY, disabled: true }),
  ];
  const { status, message, remedy } = await runCheck({ keys });
  assertEquals(status, "warning");
  assertEquals(message.split("\n"), [
    'Key "soon" expires in 3 d',
    'Key "today" expires in less than a day',
    'Key "gone" has expired',
    'Key "off" is disabled',
  ]);
  assertStringIncludes(remedy ?? "", "Extend it: deno task keys set soon --expires 90d");
  assertStringIncludes(remedy ?? "", "To use it again: deno task keys set gone --expires 90d");
});

Deno.test("keys is ok with expired and disabled keys beside a usable one", async () => {
  const { status, message, remedy } = await runCheck({
    keys: [record("guest", { created: NOW - 4 * DAY, expires: NOW - DAY }), record("off", { disabled: true })],
  });
  assertEquals(status, "ok");
  assertMatch(message, /^1 usable key, in .*\nKey "guest" has expired\nKey "off" is disabled$/);
  assertEquals(remedy, "To use it again: deno task keys set guest --expires 3d");
});

Deno.test("keys warns in the last fifth of a lifetime, at most 14 days before the expiry", async () => {
  const statusAt = async (lifeMs: number, leftMs: number) => {
    const expires = NOW + leftMs;
    return (await runCheck({ keys: [record("a", { created: expires - lifeMs, expires })] })).status;
  };
  for (
    const [lifeMs, noticeMs] of [
      // 30 minutes, three days, 70 days, where both rules agree, and a year.
      [1_800_000, 360_000],
      [3 * DAY, 0.6 * DAY],
      [69 * DAY, 13.8 * DAY],
      [70 * DAY, 14 * DAY],
      [71 * DAY, 14 * DAY],
      [365 * DAY, 14 * DAY],
    ] as const
  ) {
    assertEquals(await statusAt(lifeMs, lifeMs), "ok", `just made, for ${lifeMs} ms`);
    assertEquals(await statusAt(lifeMs, noticeMs + 1), "ok", `before the notice of ${lifeMs} ms`);
    assertEquals(await statusAt(lifeMs, noticeMs), "warning", `at the notice of ${lifeMs} ms`);
    assertEquals(await statusAt(lifeMs, 1), "warning", `at the last moment of ${lifeMs} ms`);
    assertEquals(await statusAt(lifeMs, 0), "ok", `at the end of ${lifeMs} ms`);
  }
});

Deno.test("keys counts the lifetime from the creation when the expiry was changed", async () => {
  // Created a year ago, and extended by three days: the end of its whole lifetime.
  const old = await runCheck({ keys: [record("old", { created: NOW - 365 * DAY, expires: NOW + 3 * DAY })] });
  assertEquals(old.status, "warning");
  const young = await runCheck({ keys: [record("young", { created: NOW - 3 * DAY, expires: NOW + 3 * DAY })] });
  assertEquals(young.status, "ok");
});

Deno.test("keys suggests to extend a key by its lifetime, at most 90 days", async () => {
  const remedyFor = async (created: number) =>
    (await runCheck({ keys: [record("a", { created, expires: NOW })] })).remedy;
  assertEquals(await remedyFor(NOW - 2 * 3_600_000), "To use it again: deno task keys set a --expires 2h");
  assertEquals(await remedyFor(NOW - 60_000), "To use it again: deno task keys set a --expires 1h");
  assertEquals(await remedyFor(NOW - 7 * DAY), "To use it again: deno task keys set a --expires 7d");
  assertEquals(await remedyFor(NOW - 400 * DAY), "To use it again: deno task keys set a --expires 90d");
});

Deno.test("keys reports file modes without changing them, and ignores them with KEY_FILE_MODE=ignore", async () => {
  const { status, message, remedy } = await runCheck({ mode: 0o640 });
  assertEquals(status, "warning");
  assertStringIncludes(message, "can be read by others: its mode is 0640");
  assertStringIncludes(remedy ?? "", "chmod 600");
  assertEquals((await runCheck({ mode: 0o640, env: { KEY_FILE_MODE: "ignore" } })).status, "ok");
});

Deno.test("keys reports a state file that others can read, or that lost its counts", async () => {
  const readable = await runCheck({ state: "SQLite format 3" });
  assertEquals(readable.status, "warning");
  assertMatch(readable.message, /state.db" can be read by others: its mode is 0640/);
  assertEquals((await runCheck({ state: "SQLite format 3", env: { KEY_FILE_MODE: "ignore" } })).status, "ok");
  const empty = await runCheck({ state: "" });
  assertEquals(empty.status, "failed");
  assertMatch(empty.message, /state.db" is empty, so its content is lost$/);
  assertMatch(empty.remedy ?? "", /^Stop the gateway, then restore the file from a backup/);
});

Deno.test("keys reports a read-only directory, several owners and a full disk", async () => {
  const changed = (change: Partial<Deno.FileInfo>, when: (path: string) => boolean) => ({
    files: {
      ...Deno,
      stat: async (path: string | URL) => ({ ...await Deno.stat(path), ...when(String(path)) && change }),
    },
  });
  const isDirectory = (path: string) => !/\.(txt|json)$/.test(path);
  const closed = await runCheck({ machine: changed({ mode: 0o40555 }, isDirectory) });
  assertEquals(closed.status, "failed");
  assertStringIncludes(closed.message, "cannot be written by its owner");
  const owned = await runCheck({ machine: changed({ uid: 4711 }, isDirectory) });
  assertEquals(owned.status, "warning");
  assertMatch(owned.message, /several owners: .*key.txt" to user \d+, .* to user 4711/);
  for (const name of ["vapid_key.json", "keys_redis.json", "replay_handover.json"]) {
    const other = await runCheck({ others: [name], machine: changed({ uid: 4711 }, (path) => path.endsWith(name)) });
    assertMatch(other.message, new RegExp(`several owners: .*${name}" to user 4711`));
  }
  const full = await runCheck({ machine: { freeBytes: () => Promise.resolve(1000) } });
  assertEquals(full.status, "failed");
  assertStringIncludes(full.message, "is full");
});

Deno.test("keys reports invalid files without their content", async () => {
  const junk = await runCheck({ single: `${HEX}junk` });
  assertEquals(junk.status, "failed");
  assertStringIncludes(junk.message, "must hold 64 hexadecimal characters");
  assertStringIncludes(junk.remedy ?? "", "Restore it from a backup");
  const wrong = await runCheck({ keys: `{"version":1,"keys":[{"secret":"${HEX}"}]}` });
  assertEquals(wrong.status, "failed");
  assertStringIncludes(wrong.message, "keys[0].name");
});

Deno.test("keys reports the same secret in both files", async () => {
  const { status, remedy } = await runCheck({ keys: [record("duplicate", { secret: Uint8Array.fromHex(HEX) })] });
  assertEquals(status, "failed");
  assertStringIncludes(remedy ?? "", "keys rotate duplicate");
});
