import { assert, assertEquals, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { type Log, SILENT_LOG } from "../../../src/observability/log.ts";
import type { SqliteStateOptions } from "../../../src/store/state/sqlite_database.ts";
import { SqliteState } from "../../../src/store/state/sqlite_state.ts";
import { StateFileError, type StateFileSystem } from "../../../src/store/state/state_file.ts";
import { within } from "../../support/deadline.ts";
import { ProcessOutput } from "../../support/process_output.ts";
import { inTempDir } from "../../support/temp_dir.ts";

const options = (path: string): SqliteStateOptions => ({ path, files: Deno, mode: "strict", log: SILENT_LOG });

/** Runs a test with the path of a state file and a function that opens it; all are closed at the end. */
async function withStates(
  test: (path: string, open: (changed?: Partial<SqliteStateOptions>) => SqliteState) => Promise<void>,
): Promise<void> {
  await inTempDir(async (directory) => {
    const path = `${directory}/state.db`;
    const states: SqliteState[] = [];
    try {
      await test(path, (changed = {}) => {
        const state = new SqliteState({ ...options(path), ...changed });
        states.push(state);
        return state;
      });
    } finally {
      for (const state of states) await state.close();
    }
  });
}

const listing = async (directory: string) =>
  (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).toSorted();

const modeOf = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;

const folderOf = (path: string) => path.slice(0, path.lastIndexOf("/"));

/** Checks that claims and reads fail with the path and a remedy. */
async function assertUnusable(state: SqliteState, path: string, ...parts: readonly string[]): Promise<void> {
  for (const use of [() => state.claimUse("guest", 3), () => state.check()]) {
    const { message } = await assertRejects(use, StateFileError);
    for (const part of [path, ...parts]) assert(message.includes(part), `"${message}" lacks "${part}"`);
  }
}

Deno.test("readUses() returns 0 for an unknown counter, and creates no file", () =>
  withStates(async (path, open) => {
    const state = open();
    await state.check();
    assertEquals([await state.readUses("guest"), await listing(folderOf(path))], [0, []]);
    await state.claimUse("guest", 1);
    assertEquals([await state.readUses("guest"), await state.readUses("Guest")], [1, 0]);
  }));

Deno.test("claimUse() continues an earlier count after a restart", () =>
  withStates(async (path, open) => {
    const before = open();
    await before.claimUse("guest", 3);
    await before.claimUse("guest", 3);
    await before.close();
    assertEquals(await listing(folderOf(path)), ["state.db"]);
    const after = open();
    assertEquals(await after.readUses("guest"), 2);
    assertEquals([await after.claimUse("guest", 3), await after.claimUse("guest", 3)], [true, false]);
  }));

Deno.test("claimUse() logs once that it created the file, in a folder that is made for it", () =>
  withStates(async (path, open) => {
    const warnings: unknown[] = [];
    const log: Log = { ...SILENT_LOG, warn: (_message, fields) => warnings.push(fields) };
    const nested = `${folderOf(path)}/a/b/state.db`;
    const [first, second] = [open({ path: nested, log }), open({ path: nested, log })];
    await Promise.all([first.claimUse("guest", 9), second.claimUse("guest", 9), first.claimUse("guest", 9)]);
    assertEquals(warnings, [{ file: nested }]);
    assertEquals(await first.readUses("guest"), 3);
    assertEquals(await listing(folderOf(nested)), ["state.db", "state.db-shm", "state.db-wal"]);
  }));

Deno.test("claimUse() makes all files readable only by the owner, also when they were not", () =>
  withStates(async (path, open) => {
    const first = open();
    await first.claimUse("guest", 9);
    assertEquals(await Promise.all(["", "-wal", "-shm"].map((end) => modeOf(path + end))), [0o600, 0o600, 0o600]);
    await first.close();
    await Deno.chmod(path, 0o644);
    const ignoring = open({ mode: "ignore" });
    await ignoring.claimUse("guest", 9);
    assertEquals(await modeOf(path), 0o644);
    await ignoring.close();
    await open().claimUse("guest", 9);
    assertEquals(await Promise.all(["", "-wal", "-shm"].map((end) => modeOf(path + end))), [0o600, 0o600, 0o600]);
    // Files that a killed process left.
    const left = open({ path: `${path}.left` });
    await left.claimUse("guest", 9);
    await Promise.all(["", "-wal", "-shm"].map((end) => Deno.chmod(`${path}.left${end}`, 0o644)));
    await open({ path: `${path}.left` }).claimUse("guest", 9);
    const modes = await Promise.all(["", "-wal", "-shm"].map((end) => modeOf(`${path}.left${end}`)));
    assertEquals(modes, [0o600, 0o600, 0o600]);
    const refusing: StateFileSystem = { ...Deno, chmod: () => Promise.reject(new Deno.errors.PermissionDenied("no")) };
    await Deno.chmod(path, 0o640);
    await assertUnusable(open({ files: refusing }), path, "chmod 600");
  }));

Deno.test("claimUse() refuses a damaged, an empty, a foreign and a newer file, and leaves it", () =>
  withStates(async (path, open) => {
    const valid = open();
    await valid.claimUse("guest", 9);
    await valid.close();
    const content = await Deno.readFile(path);
    const cases: readonly (readonly [Uint8Array, string])[] = [
      [new Uint8Array(), "is empty"],
      [new TextEncoder().encode("{}"), "not a database"],
      [content.map((byte, index) => index < 16 ? 0 : byte), "not a database"],
      [content.subarray(0, 4096), "restore the file from a backup"],
      [content.map((byte, index) => index >= 4096 ? 0xff : byte), "damaged"],
    ];
    for (const [bytes, part] of cases) {
      await Deno.writeFile(path, bytes);
      await assertUnusable(open(), path, part, "restore the file from a backup");
      assertEquals(await Deno.readFile(path), bytes);
    }
    await Deno.writeFile(path, content);
    const change = (statement: string) => {
      using database = new DatabaseSync(path);
      database.exec(statement);
    };
    change("PRAGMA user_version = 5");
    await assertUnusable(open(), path, "newer version");
    change("PRAGMA user_version = 0");
    await assertUnusable(open(), path, "damaged");
    change("PRAGMA user_version = 4");
    assertEquals(await open().readUses("guest"), 1);
  }));

Deno.test("claimUse() succeeds after the remedy, without a restart", () =>
  withStates(async (path, open) => {
    await Deno.writeTextFile(path, "");
    const state = open();
    await assertUnusable(state, path, "is empty");
    await Deno.remove(path);
    assertEquals(await state.claimUse("guest", 1), true);
  }));

Deno.test("claimUse() refuses a link and a folder", () =>
  withStates(async (path, open) => {
    const elsewhere = `${path}.elsewhere`;
    await Deno.symlink(elsewhere, path);
    await assertUnusable(open(), path, "is a link");
    const target = open({ path: elsewhere });
    await target.claimUse("guest", 1);
    await assertUnusable(open(), path, "is a link");
    await Deno.remove(path);
    await Deno.mkdir(path);
    await assertUnusable(open(), path, "not an ordinary file");
  }));

Deno.test("claimUse() fails in a folder that cannot be written, and leaves nothing there", () =>
  withStates(async (path, open) => {
    const denied = () => Promise.reject(new Deno.errors.PermissionDenied("denied"));
    for (const change of [{ writeTextFile: denied }, { mkdir: denied }, { link: denied, rename: denied }]) {
      const state = open({ files: { ...Deno, ...change } });
      const { message } = await assertRejects(() => state.claimUse("guest", 1), StateFileError, "writable");
      assert(message.includes(path), message);
      assertEquals(await listing(folderOf(path)), []);
    }
  }));

Deno.test("claimUse() creates the file where the file system has no links", () =>
  withStates(async (path, open) => {
    const files: StateFileSystem = { ...Deno, link: () => Promise.reject(new Deno.errors.NotSupported("no links")) };
    assertEquals(await open({ files }).claimUse("guest", 1), true);
    assertEquals(await open().readUses("guest"), 1);
    assert((await listing(folderOf(path))).every((name) => !name.endsWith(".tmp")));
  }));

Deno.test("claimUse() waits while another process writes, and counts then", () =>
  withStates(async (path, open) => {
    const state = open();
    await state.claimUse("guest", 9);
    using other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    let isDone = false;
    const claim = state.claimUse("guest", 9).finally(() => isDone = true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assertEquals(isDone, false);
    other.exec("COMMIT");
    assertEquals(await within("the claim", claim), true);
    assertEquals(await state.readUses("guest"), 2);
  }));

Deno.test("claimUse() fails when another process locks the file for too long", () =>
  withStates(async (path, open) => {
    await open().claimUse("guest", 9);
    using other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    const state = open({ waitMs: 40 });
    const { message } = await assertRejects(() => state.claimUse("guest", 9), StateFileError, "end that process");
    assert(message.includes(path), message);
    assertEquals(await state.readUses("guest"), 1);
  }));

Deno.test("claimUse() fails once the file was removed, replaced or emptied under it, and never counts anew", () =>
  withStates(async (path, open) => {
    const state = open();
    await state.claimUse("guest", 9);
    const content = await Deno.readFile(path);
    await Deno.rename(path, `${path}.old`);
    await assertRejects(() => state.claimUse("guest", 9), StateFileError, "is gone");
    await Deno.writeFile(path, content);
    await assertUnusable(state, path, "replaced", "restart");
    await Deno.writeFile(path, new Uint8Array());
    await assertUnusable(state, path, "is empty");
    await Deno.remove(path);
    await Deno.rename(`${path}.old`, path);
    assertEquals(await state.claimUse("guest", 9), true);
    assertEquals(await state.readUses("guest"), 2);
  }));

Deno.test("claimUse() takes a log without its file for a lost file, and not for a first start", () =>
  withStates(async (path, open) => {
    await Deno.writeTextFile(`${path}-wal`, "");
    await assertUnusable(open(), path, "is gone", `${path}-wal`);
    await Deno.remove(`${path}-wal`);
    assertEquals(await open().claimUse("guest", 1), true);
  }));

Deno.test("claimUse() fails after close(), also when it was asked for before", () =>
  withStates(async (path, open) => {
    const unused = open();
    await unused.close();
    await assertUnusable(unused, path, "is closed");
    assertEquals(await listing(folderOf(path)), []);
    const state = open();
    await state.claimUse("guest", 9);
    const claims = [state.claimUse("guest", 9), state.readUses("guest")];
    await state.close();
    await state.close();
    for (const result of await Promise.allSettled(claims)) {
      if (result.status === "rejected") assert(result.reason instanceof StateFileError, String(result.reason));
    }
    await assertUnusable(state, path, "is closed");
  }));

Deno.test("claimUse() of two processes counts exactly to the limit, and kill -9 loses no count", () =>
  withStates(async (path, open) => {
    const program = new URL("claim_program.ts", import.meta.url).pathname;
    const folder = folderOf(path);
    const args = ["run", "--quiet", "--no-prompt", `--allow-read=${folder}`, `--allow-write=${folder}`, program, path];
    const children = [1, 2].map(() =>
      new Deno.Command(Deno.execPath(), {
        args: [...args, "guest", "60", "50"],
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn()
    );
    const outputs = children.map((child) => new ProcessOutput(child));
    await Promise.all(outputs.map((output) => output.line((line) => line === "done")));
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map((child) => child.status));
    await Promise.all(outputs.map((output) => output.ended));
    const counted = outputs.flatMap(({ lines }) => lines).filter((line) => line === "true");
    assertEquals(counted.length, 60);
    assert((await listing(folder)).includes("state.db-wal"), "The database was closed");
    const after = open();
    assertEquals([await after.readUses("guest"), await after.claimUse("guest", 60)], [60, false]);
  }));
