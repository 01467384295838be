/** The keys file with several concurrent processes. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { parsePairingUri } from "../../src/protocol/pairing.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";
import { editKeysFile, readKeysFile } from "../../src/keys/keyring_file.ts";
import { until, within } from "../support/deadline.ts";
import { spawnMain } from "../support/gateway_process.ts";
import { ProcessOutput } from "../support/process_output.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { EVERYDAY_RIGHTS } from "../support/rights.ts";
import { inTempDir } from "../support/temp_dir.ts";

const PROJECT = new URL("../../deno.json", import.meta.url).pathname;

/** Flags of the task `keys`. */
const FLAGS = ["--no-prompt", "--allow-read", "--allow-write", "--allow-env"];

const NAMES = Array.from({ length: 10 }, (_, index) => `key${index}`);

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function keys(args: string, directory: string, env: Record<string, string> = {}): Promise<Run> {
  const child = spawnMain(["keys", ...args.split(" ")], { directory, env, flags: FLAGS });
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function namesIn(directory: string): Promise<string[]> {
  const loaded = await readKeysFile(`${directory}/data/keys.json`, { files: Deno, mode: "strict", services: SERVICES });
  return loaded?.keys.map(({ name }) => name).toSorted() ?? [];
}

/** A process, and what it prints. */
interface Running {
  readonly child: Deno.ChildProcess;
  readonly output: ProcessOutput;
}

/** Starts a process that holds the lock until it is killed. */
async function holdLock(directory: string): Promise<Running> {
  await Deno.mkdir(`${directory}/data`, { recursive: true });
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `const file = await Deno.open("data/keys.json.lock", { write: true, create: true });
       await file.lock(true);
       console.log("held");
       setInterval(() => {}, 1000);`,
    ],
    cwd: directory,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = new ProcessOutput(child);
  await output.line((line) => line === "held");
  return { child, output };
}

async function kill({ child, output }: Running): Promise<void> {
  child.kill("SIGKILL");
  await child.status;
  await output.ended;
}

Deno.test("two processes that add ten keys each lose none, and the file is always complete", () =>
  inTempDir(async (directory) => {
    let done = false;
    const chain = async (who: string) => {
      for (const name of NAMES) {
        const { code, stderr } = await keys(`add ${who}-${name}`, directory);
        assertEquals([code, stderr], [0, ""]);
      }
    };
    const chains = Promise.all([chain("a"), chain("b")]).finally(() => done = true);
    let last = 0;
    let reads = 0;
    while (!done) {
      // Throws for an incomplete file.
      const count = (await namesIn(directory)).length;
      assert(count >= last, `${last} keys became ${count}`);
      last = count;
      reads++;
    }
    await chains;
    assert(reads > 20, `${reads} reads prove nothing`);
    assertEquals(await namesIn(directory), ["a", "b"].flatMap((who) => NAMES.map((name) => `${who}-${name}`)));
    const files = (await Array.fromAsync(Deno.readDir(`${directory}/data`))).map(({ name }) => name).toSorted();
    assertEquals(files, ["keys.json", "keys.json.lock"]);
  }));

Deno.test("an edit continues when the process with the lock is killed", () =>
  inTempDir(async (directory) => {
    const holder = await holdLock(directory);
    const child = spawnMain(["keys", "add", "phone"], { directory, env: {}, flags: FLAGS });
    const output = new ProcessOutput(child);
    let ended = false;
    child.status.then(() => ended = true);
    // A process that waits for the lock has its file open. Elsewhere the kill may come first, which is also safe.
    if (Deno.build.os === "linux") {
      await until("the command opens the lock file", () => hasOpen(child.pid, "keys.json.lock"));
    }
    assertEquals([ended, await namesIn(directory)], [false, []]);
    await kill(holder);
    assertEquals((await within("the edit", child.status)).code, 0);
    await output.ended;
    assertEquals(await namesIn(directory), ["phone"]);
  }));

/** Returns whether a process has a file open; Linux only. */
async function hasOpen(pid: number, name: string): Promise<boolean> {
  try {
    for await (const { name: descriptor } of Deno.readDir(`/proc/${pid}/fd`)) {
      const target = await Deno.readLink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
      if (target.endsWith(`/${name}`)) return true;
    }
  } catch {
    // Not started yet.
  }
  return false;
}

Deno.test("an edit fails if another process keeps the lock, and names the lock file", () =>
  inTempDir(async (directory) => {
    const holder = await holdLock(directory);
    try {
      const begin = performance.now();
      const { code, stdout, stderr } = await keys("add phone", directory);
      assertEquals([code, stdout], [1, ""]);
      assertStringIncludes(stderr, `/data/keys.json.lock" for more than 10 s`);
      assert(performance.now() - begin >= 10_000, "It did not wait");
      assertEquals(await namesIn(directory), []);
      // Reading takes no lock.
      assertEquals((await keys("list", directory)).code, 0);
    } finally {
      await kill(holder);
    }
  }));

Deno.test("killed editors leave a complete file, a free lock, and no other files", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/keys.json`;
    const options = { files: Deno, mode: "strict", services: SERVICES } as const;
    // A long file, so that some editors are killed while writing.
    const records = Array.from({ length: 300 }, (_, index): KeyRecord => ({
      ...EVERYDAY_RIGHTS,
      name: `key${index}`,
      secret: randomBytes(32),
      created: 0,
      disabled: false,
      minProtocol: 1,
    }));
    await editKeysFile(path, () => records, options);
    const module = (path: string) => new URL(`../../src/${path}`, import.meta.url).href;
    const code = `import { editKeysFile } from "${module("keys/keyring_file.ts")}";
      import { SERVICES } from "${module("services/registry.ts")}";
      const swap = (records) => records.map((record) => ({ ...record, disabled: !record.disabled }));
      for (let edits = 1;; edits++) {
        await editKeysFile("keys.json", swap, { files: Deno, mode: "strict", services: SERVICES });
        if (edits === 3) console.log("busy");
      }`;
    for (let round = 0; round < 5; round++) {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["eval", "--config", PROJECT, code],
        cwd: directory,
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const output = new ProcessOutput(child);
      await output.line((line) => line === "busy");
      await kill({ child, output });
      const keys = (await readKeysFile(path, options))?.keys ?? [];
      assertEquals(keys.length, records.length);
      assertEquals(new Set(keys.map(({ disabled }) => disabled)).size, 1, "Half of an edit is in the file");
      await editKeysFile(path, (records) => records, { ...options, waitMs: 0 });
      const files = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).toSorted();
      assertEquals(files, ["keys.json", "keys.json.lock"]);
    }
  }));

Deno.test("all key commands work with the permissions of the task", () =>
  inTempDir(async (directory) => {
    const env = { PUBLIC_URL: "https://home.example", KEYS_FILE: "own/keys.json" };
    const succeed = async (args: string) => {
      const { code, stdout, stderr } = await keys(args, directory, env);
      assertEquals([args, code, stderr], [args, 0, ""]);
      return stdout;
    };
    await succeed("add phone --subscribe home/#");
    const first = parsePairingUri((await succeed("show phone")).trimEnd().split("\n").at(-1) ?? "");
    assertEquals([first.url, first.name], ["https://home.example", "phone"]);
    assertStringIncludes(await succeed("rotate phone"), "The old secret works until");
    const second = parsePairingUri((await succeed("show phone --no-qr")).trimEnd().split("\n").at(-1) ?? "");
    assert(second.key !== first.key);
    assertStringIncludes(await succeed("list"), "rotated: old secret for 24 h");
    await succeed("disable phone");
    assertStringIncludes(await succeed("list"), "disabled");
    await succeed("enable phone");
    const { code, stderr } = await keys("remove phone", directory, env);
    assertEquals(code, 0);
    assertStringIncludes(stderr, "That was the last key");
  }));
