import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Bytes, randomBytes } from "../../src/protocol/bytes.ts";
import { KeyFileError } from "../../src/keys/default_key_file.ts";
import { formatKeysFile, type KeyRecord } from "../../src/keys/schema.ts";
import {
  editKeysFile,
  KeysFileLockedError,
  type KeysFileOptions,
  type KeysFileSystem,
  readKeysFile,
} from "../../src/keys/keyring_file.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { until, within } from "../support/deadline.ts";
import { EVERYDAY_RIGHTS } from "../support/rights.ts";
import { inTempDir } from "../support/temp_dir.ts";

const options: KeysFileOptions = { files: Deno, mode: "strict", services: SERVICES };

const SECRET: Bytes = Uint8Array.fromHex("3616864d6ed4f70b8a774e17c7435b411d8bc5714fddaf88e3850104a9d88ccd");

const record = (name: string, secret = randomBytes(32)): KeyRecord => ({
  ...EVERYDAY_RIGHTS,
  name,
  secret,
  created: Date.UTC(2026, 0, 31, 12),
  disabled: false,
  minProtocol: 1,
});

const add = (name: string) => (records: readonly KeyRecord[]) => [...records, record(name)];

const names = (records: readonly KeyRecord[] = []) => records.map(({ name }) => name);

const modeOf = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;

const listing = async (directory: string) =>
  (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).toSorted();

/** Holds the lock as another process would: the kernel distinguishes open files, not processes. */
async function heldLock(path: string): Promise<Deno.FsFile> {
  const file = await Deno.open(`${path}.lock`, { write: true, create: true });
  assert(await file.tryLock(true));
  return file;
}

Deno.test("readKeysFile() returns undefined without a file", () =>
  inTempDir(async (directory) => {
    assertEquals(await readKeysFile(`${directory}/keys.json`, options), undefined);
    assertEquals(await readKeysFile(`${directory}/no/keys.json`, options), undefined);
  }));

Deno.test("readKeysFile() reads what editKeysFile() wrote, in a directory that was made for it", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/a/b/keys.json`;
    const phone = record("phone");
    const { before, after, tightened } = await editKeysFile(path, () => [phone], options);
    assertEquals([before, after, tightened], [[], [phone], false]);
    const loaded = await readKeysFile(path, options);
    assertEquals(loaded, { keys: [phone], tightened: false });
    assertEquals(await listing(`${directory}/a/b`), ["keys.json", "keys.json.lock"]);
  }));

Deno.test("readKeysFile() restricts the mode of a file that others can read, and reports it once", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/keys.json`;
    await editKeysFile(path, add("phone"), options);
    await Deno.chmod(path, 0o644);
    assertEquals((await readKeysFile(path, { ...options, mode: "ignore" }))?.tightened, false);
    assertEquals(await modeOf(path), 0o644);
    assertEquals((await readKeysFile(path, options))?.tightened, true);
    assertEquals(await modeOf(path), 0o600);
    assertEquals((await readKeysFile(path, options))?.tightened, false);
    await Deno.chmod(path, 0o640);
    assertEquals((await editKeysFile(path, add("tablet"), options)).tightened, true);
  }));

Deno.test("readKeysFile() rejects a file whose mode it cannot restrict, unless modes are ignored", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/keys.json`;
    await editKeysFile(path, add("phone"), options);
    await Deno.chmod(path, 0o644);
    const files: KeysFileSystem = { ...Deno, chmod: () => Promise.reject(new Error("Operation not permitted")) };
    await assertRejects(() => readKeysFile(path, { ...options, files }), KeyFileError, "mode 0600");
    assertEquals(names((await readKeysFile(path, { ...options, files, mode: "ignore" }))?.keys), ["phone"]);
  }));

Deno.test("readKeysFile() reports the problem of a file and the remedy, and quotes no secret", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/keys.json`;
    const right = formatKeysFile([record("phone", SECRET)]);
    const wrong = {
      [right.slice(0, -10)]: "it is not JSON",
      [right.replace('"phone"', '"default"')]: "SECRET_KEY_FILE",
      [right.replace('"3616', '"616')]: "keys[0].secret: must be 64 hexadecimal characters",
      [formatKeysFile([record("phone", SECRET), record("tablet", SECRET)])]: "have the same secret",
      "": "it is not JSON",
    };
    for (const [text, message] of Object.entries(wrong)) {
      await Deno.writeTextFile(path, text, { mode: 0o600 });
      const error = await assertRejects(() => readKeysFile(path, options), KeyFileError, message);
      assert(error.message.includes(path) && error.message.includes("restore the file from a backup"), error.message);
      assert(!error.message.includes(SECRET.toHex().slice(8, 24)), "The message quotes the file");
      await assertRejects(() => editKeysFile(path, add("tablet"), options), KeyFileError, message);
      assertEquals(await Deno.readTextFile(path), text);
    }
  }));

Deno.test("readKeysFile() and editKeysFile() refuse a directory, and a link to a file that is not there", () =>
  inTempDir(async (directory) => {
    await Deno.symlink("/no-such-disk/keys.json", `${directory}/keys.json`);
    for (const use of [readKeysFile, (path: string, given: KeysFileOptions) => editKeysFile(path, add("x"), given)]) {
      await assertRejects(() => use(`${directory}/keys.json`, options), KeyFileError, "is a link to a file");
      await assertRejects(() => use(directory, options), KeyFileError, "must be an ordinary file");
    }
    assertEquals((await listing(directory)).filter((name) => name !== "keys.json"), []);
    await Deno.remove(`${directory}.lock`);
  }));

Deno.test("editKeysFile() makes the file, its lock and its temporary file readable only by the owner", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/keys.json`;
    const modes: number[] = [];
    const files: KeysFileSystem = {
      ...Deno,
      rename: async (from, to) => {
        modes.push(await modeOf(String(from)));
        await Deno.rename(from, to);
      },
    };
    await editKeysFile(path, add("phone"), { ...options, files });
    await Deno.chmod(path, 0o644);
    await editKeysFile(path, add("tablet"), { ...options, files, mode: "ignore" });
    assertEquals([...modes, await modeOf(path), await modeOf(`${path}.lock`)], [0o600, 0o600, 0o600, 0o600]);
  }));

Deno.test("editKeysFile() replaces the file behind a link, and keeps the link", () =>
  inTempDir(async (directory) => {
    await Deno.mkdir(`${directory}/disk`);
    const [link, target] = [`${directory}/keys.json`, `${directory}/disk/real.json`];
    await editKeysFile(target, add("phone"), options);
    await Deno.symlink(target, link);
    await editKeysFile(link, add("tablet"), options);
    assertEquals((await Deno.lstat(link)).isSymlink, true);
    assertEquals(names((await readKeysFile(target, options))?.keys), ["phone", "tablet"]);
    // One lock for both names, or edits would not wait for each other.
    assertEquals(await listing(directory), ["disk", "keys.json"]);
    assertEquals(await listing(`${directory}/disk`), ["real.json", "real.json.lock"]);
  }));

Deno.test("editKeysFile() writes nothing, and frees the lock, when the change throws", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/keys.json`;
    const refuse = () => {
      throw new RangeError("No");
    };
    await assertRejects(() => editKeysFile(path, refuse, options), RangeError, "No");
    assertEquals(await listing(directory), ["keys.json.lock"]);
    await editKeysFile(path, add("phone"), { ...options, waitMs: 0 });
  }));

Deno.test("editKeysFile() does not write an invalid file", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/keys.json`;
    await editKeysFile(path, () => [record("phone", SECRET)], options);
    const text = await Deno.readTextFile(path);
    const spoilt: KeyRecord[] = [
      record("phone"),
      record("default"),
      record("a b"),
      record("tablet", SECRET),
      record("tablet", randomBytes(31)),
      { ...record("tablet"), rights: { mqtt: { publish: ["a#"] } } },
      { ...record("tablet"), expires: Number.NaN },
      { ...record("tablet"), rate: { perSecond: 2, burst: 1 } },
    ];
    for (const one of spoilt) {
      const error = await assertRejects(
        () => editKeysFile(path, (records) => [...records, one], options),
        KeyFileError,
        "is unchanged, as the edit would make it invalid",
      );
      assert(!error.message.includes(SECRET.toHex().slice(8, 24)), "The message quotes a secret");
      assertEquals(await Deno.readTextFile(path), text);
    }
  }));

Deno.test("editKeysFile() leaves the file unchanged and no temporary file after any failure", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/keys.json`;
    await editKeysFile(path, add("phone"), options);
    const text = await Deno.readTextFile(path);
    const broken = () => Promise.reject(new Error("No space left on device"));
    const failures: Partial<KeysFileSystem>[] = [
      { writeTextFile: broken },
      {
        writeTextFile: async (name, data, how) => {
          await Deno.writeTextFile(name, String(data).slice(0, 100), how);
          await broken();
        },
      },
      { open: (name, how) => String(name).endsWith(".tmp") ? broken() : Deno.open(name, how) },
      {
        open: async (name, how) => {
          const file = await Deno.open(name, how);
          file.sync = broken;
          return file;
        },
      },
      { rename: broken },
    ];
    for (const failure of failures) {
      const error = await assertRejects(
        () => editKeysFile(path, add("tablet"), { ...options, files: { ...Deno, ...failure } }),
        KeyFileError,
        "cannot be written and is unchanged: No space left on device",
      );
      assert(error.message.includes(path), error.message);
      assertEquals(await Deno.readTextFile(path), text);
      assertEquals(await listing(directory), ["keys.json", "keys.json.lock"]);
    }
    await editKeysFile(path, add("tablet"), { ...options, waitMs: 0 });
  }));

Deno.test("editKeysFile() removes the temporary file of a killed process, and follows no link there", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/keys.json`;
    await Deno.writeTextFile(`${directory}/other`, "other");
    await Deno.symlink(`${directory}/other`, `${path}.tmp`);
    await editKeysFile(path, add("phone"), options);
    await Deno.writeTextFile(`${path}.tmp`, "half a fi");
    await editKeysFile(path, add("tablet"), options);
    assertEquals(names((await readKeysFile(path, options))?.keys), ["phone", "tablet"]);
    assertEquals(await Deno.readTextFile(`${directory}/other`), "other");
    assertEquals(await listing(directory), ["keys.json", "keys.json.lock", "other"]);
  }));

Deno.test("editKeysFile() does not change the owner of the file", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/keys.json`;
    await editKeysFile(path, add("phone"), options);
    const files: KeysFileSystem = {
      ...Deno,
      stat: async (name) => ({ ...await Deno.stat(name), uid: String(name).endsWith(".tmp") ? 0 : 1000 }),
    };
    await assertRejects(
      () => editKeysFile(path, add("tablet"), { ...options, files }),
      KeyFileError,
      "it belongs to the user with id 1000. Edit it as its owner",
    );
    assertEquals(names((await readKeysFile(path, options))?.keys), ["phone"]);
    assertEquals(await listing(directory), ["keys.json", "keys.json.lock"]);
  }));

Deno.test("editKeysFile() reports where it cannot write", async () => {
  const error = await assertRejects(
    () => editKeysFile("/proc/nowhere/keys.json", add("phone"), options),
    KeyFileError,
    "Edit the keys file as the owner",
  );
  assert(error.message.includes('"/proc/nowhere/keys.json.lock"'), error.message);
});

Deno.test("editKeysFile() loses no simultaneous edit, and readers only see complete files", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/keys.json`;
    let done = false;
    const edits = Promise.all(Array.from({ length: 20 }, (_, index) => editKeysFile(path, add(`key${index}`), options)))
      .finally(() => done = true);
    let last = 0;
    while (!done) {
      const count = (await readKeysFile(path, options))?.keys.length ?? 0;
      assert(count >= last, `${last} keys became ${count}`);
      last = count;
    }
    await edits;
    assertEquals(new Set(names((await readKeysFile(path, options))?.keys)).size, 20);
    assertEquals(await listing(directory), ["keys.json", "keys.json.lock"]);
  }));

Deno.test("editKeysFile() fails with the name of the lock file when the lock stays held", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/keys.json`;
    await editKeysFile(path, add("phone"), options);
    using _held = await heldLock(path);
    const error = await assertRejects(
      () => editKeysFile(path, add("tablet"), { ...options, waitMs: 100 }),
      KeysFileLockedError,
      "is unchanged: another process holds",
    );
    assert(error.message.includes(`"${path}.lock"`), error.message);
    // Reading needs no lock: a process that hangs must not stop the gateway.
    assertEquals(names((await readKeysFile(path, options))?.keys), ["phone"]);
  }));

Deno.test("editKeysFile() waits for a lock that is freed", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/keys.json`;
    const held = await heldLock(path);
    let tries = 0;
    const files: KeysFileSystem = {
      ...Deno,
      open: async (name, how) => {
        const file = await Deno.open(name, how);
        const tryLock = file.tryLock.bind(file);
        file.tryLock = (exclusive) => {
          tries++;
          return tryLock(exclusive);
        };
        return file;
      },
    };
    const edit = editKeysFile(path, add("phone"), { ...options, files });
    await until("the edit finds the lock held", () => tries >= 2);
    assertEquals(await readKeysFile(path, options), undefined);
    held.close();
    assertEquals(names((await within("the edit", edit)).after), ["phone"]);
  }));

Deno.test("editKeysFile() says to free some space when a full disk has no room for the lock file", () =>
  inTempDir(async (directory) => {
    const full = Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
    const files: KeysFileSystem = { ...Deno, open: () => Promise.reject(full) };
    await assertRejects(
      () => editKeysFile(`${directory}/keys.json`, (keys) => keys, { ...options, files }),
      KeyFileError,
      "Free some space on that disk",
    );
    assertEquals(await Array.fromAsync(Deno.readDir(directory)), []);
  }));

Deno.test("editKeysFile() reports a file system without locks", () =>
  inTempDir(async (directory) => {
    const files: KeysFileSystem = {
      ...Deno,
      open: async (name, how) => {
        const file = await Deno.open(name, how);
        file.tryLock = () => Promise.reject(new Error("No locks available"));
        return file;
      },
    };
    await assertRejects(
      () => editKeysFile(`${directory}/keys.json`, add("phone"), { ...options, files }),
      KeyFileError,
      'keys.json.lock" cannot be used: No locks available',
    );
  }));

Deno.test("readKeysFile() rejects a path that is not a file, or too large, without reading it", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/keys.json`;
    const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
    assert(success);
    const refused = (message: string) =>
      within("the refusal", assertRejects(() => readKeysFile(path, options), KeyFileError, message));
    await refused("must be an ordinary file");
    await Deno.remove(path);
    await Deno.mkdir(path);
    await refused("must be an ordinary file");
    await Deno.remove(path);
    using file = await Deno.create(path);
    await file.truncate(17 * 2 ** 20);
    await refused("of at most 16777216 bytes");
  }));

Deno.test("readKeysFile() does not change the mode of a file that is not a keys file", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/other.txt`;
    await Deno.writeTextFile(path, "not keys", { mode: 0o644 });
    await Deno.chmod(path, 0o644);
    await assertRejects(() => readKeysFile(path, options), KeyFileError, "it is not JSON");
    assertEquals(await modeOf(path), 0o644);
  }));

Deno.test("readKeysFile() accepts a byte order mark", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/keys.json`;
    await Deno.writeTextFile(path, `\ufeff${formatKeysFile([record("phone")])}`, { mode: 0o600 });
    assertEquals(names((await readKeysFile(path, options))?.keys), ["phone"]);
  }));
