import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { randomBytes } from "../../src/protocol/bytes.ts";
import {
  KeyFileError,
  type KeyFileOptions,
  type KeyFileSystem,
  loadOrCreateKey,
  removeLeftovers,
} from "../../src/keys/default_key_file.ts";
import { inTempDir } from "../support/temp_dir.ts";

const options: KeyFileOptions = {
  files: Deno,
  random: randomBytes,
  mode: "strict",
};

const HEX = "3616864d6ed4f70b8a774e17c7435b411d8bc5714fddaf88e3850104a9d88ccd";

const modeOf = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;

Deno.test("loadOrCreateKey() makes a key, its file of mode 0600 and the directories above", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/a/b/key.txt`;
    const { secret, created, tightened } = await loadOrCreateKey(path, options);
    assertEquals([created, tightened, secret.length], [true, false, 32]);
    assertEquals((await Deno.readTextFile(path)).trim(), secret.toHex());
    assertEquals(await modeOf(path), 0o600);
    assertEquals((await Array.fromAsync(Deno.readDir(`${directory}/a/b`))).map(({ name }) => name), ["key.txt"]);
  }));

Deno.test("loadOrCreateKey() makes another key each time, and loads the same one later", () =>
  inTempDir(async (directory) => {
    const first = await loadOrCreateKey(`${directory}/1`, options);
    const again = await loadOrCreateKey(`${directory}/1`, options);
    const other = await loadOrCreateKey(`${directory}/2`, options);
    assertEquals([again.created, again.secret], [false, first.secret]);
    assertNotEquals(other.secret, first.secret);
  }));

Deno.test("loadOrCreateKey() loads the Python gateway's file unchanged", () =>
  inTempDir(async (directory) => {
    for (const text of [HEX, `${HEX}\n`, `${HEX}\r\n`, `\ufeff${HEX}\r\n`, HEX.toUpperCase()]) {
      const path = `${directory}/key.txt`;
      await Deno.writeTextFile(path, text, { mode: 0o600 });
      assertEquals((await loadOrCreateKey(path, options)).secret.toHex(), HEX);
    }
  }));

Deno.test("loadOrCreateKey() refuses a file that is not a key, and does not change it", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/key.txt`;
    for (const text of ["", "x", HEX.slice(1), `${HEX}0`, `${HEX}\n${HEX}`, HEX.replace("3", "g")]) {
      await Deno.writeTextFile(path, text, { mode: 0o600 });
      const error = await assertRejects(
        () => loadOrCreateKey(path, options),
        KeyFileError,
        "64 hexadecimal characters",
      );
      assert(!error.message.includes(HEX.slice(8, 40)), "The message quotes the file");
      assertEquals(await Deno.readTextFile(path), text);
    }
  }));

Deno.test("loadOrCreateKey() reports a file in UTF-16, as programs of Windows write it", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/key.txt`;
    for (const byteOrder of [[0xff, 0xfe], [0xfe, 0xff]]) {
      const characters = [...HEX].flatMap((digit) => [digit.charCodeAt(0), 0]);
      if (byteOrder[0] === 0xfe) characters.unshift(0);
      await Deno.writeFile(path, Uint8Array.from([...byteOrder, ...characters]), { mode: 0o600 });
      const error = await assertRejects(() => loadOrCreateKey(path, options), KeyFileError, "UTF-16");
      assert(!error.message.includes(HEX.slice(0, 4)), "The message quotes the file");
    }
  }));

Deno.test("loadOrCreateKey() refuses a key file that is a directory", () =>
  inTempDir(async (directory) => {
    await assertRejects(() => loadOrCreateKey(directory, options), KeyFileError, "cannot be read");
  }));

Deno.test("loadOrCreateKey() restricts the mode of a file that others can read", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/key.txt`;
    await Deno.writeTextFile(path, HEX);
    await Deno.chmod(path, 0o644);
    assertEquals((await loadOrCreateKey(path, options)).tightened, true);
    assertEquals(await modeOf(path), 0o600);
    assertEquals((await loadOrCreateKey(path, options)).tightened, false);
  }));

Deno.test("loadOrCreateKey() rejects a file whose mode it cannot restrict, unless modes are ignored", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/key.txt`;
    await Deno.writeTextFile(path, HEX);
    await Deno.chmod(path, 0o644);
    const stubborn: KeyFileSystem = { ...Deno, chmod: () => Promise.reject(new Error("Operation not permitted")) };
    await assertRejects(
      () => loadOrCreateKey(path, { ...options, files: stubborn }),
      KeyFileError,
      "could not be changed to mode 0600: Operation not permitted",
    );
    const silent: KeyFileSystem = { ...Deno, chmod: () => Promise.resolve() };
    await assertRejects(() => loadOrCreateKey(path, { ...options, files: silent }), KeyFileError, "0600");
    const loaded = await loadOrCreateKey(path, { ...options, files: stubborn, mode: "ignore" });
    assertEquals(loaded.secret.toHex(), HEX);
  }));

Deno.test("loadOrCreateKey() reports where a new key cannot be written", async () => {
  await assertRejects(
    () => loadOrCreateKey("/proc/nowhere/key.txt", options),
    KeyFileError,
    "set SECRET_KEY_FILE to a path in one that is",
  );
});

Deno.test("loadOrCreateKey() returns the same key to simultaneous first starts", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/key.txt`;
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateKey(path, options)));
    assertEquals(new Set(keys.map(({ secret }) => secret.toHex())).size, 1);
    assertEquals(keys.filter(({ created }) => created).length, 1);
    assertEquals((await Array.fromAsync(Deno.readDir(directory))).length, 1);
  }));

Deno.test("loadOrCreateKey() writes a key on a file system without links", () =>
  inTempDir(async (directory) => {
    const fat: KeyFileSystem = { ...Deno, link: () => Promise.reject(new Error("Operation not permitted")) };
    const { secret } = await loadOrCreateKey(`${directory}/key.txt`, { ...options, files: fat });
    assertEquals((await Deno.readTextFile(`${directory}/key.txt`)).trim(), secret.toHex());
  }));

Deno.test("loadOrCreateKey() refuses a link to a missing file, and creates nothing", () =>
  inTempDir(async (directory) => {
    await Deno.symlink("/no-such-disk/key.txt", `${directory}/key.txt`);
    await assertRejects(() => loadOrCreateKey(`${directory}/key.txt`, options), KeyFileError, "is a link to a file");
    assertEquals((await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name), ["key.txt"]);
  }));

Deno.test("loadOrCreateKey() leaves no copy of a key behind when the file cannot get its name", () =>
  inTempDir(async (directory) => {
    const refuse = () => Promise.reject(new Error("Operation not permitted"));
    const files: KeyFileSystem = { ...Deno, link: refuse, rename: refuse };
    await assertRejects(
      () => loadOrCreateKey(`${directory}/key.txt`, { ...options, files }),
      KeyFileError,
      "cannot be",
    );
    assertEquals(await Array.fromAsync(Deno.readDir(directory)), []);
  }));

/** Error of a full disk, after it has created the file and written a part of the text. */
const diskFull = () => Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });

const namesIn = async (directory: string) => (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);

Deno.test("loadOrCreateKey() leaves no file behind on a full disk, and says to free some space", () =>
  inTempDir(async (directory) => {
    const full: KeyFileSystem = {
      ...Deno,
      writeTextFile: async (path, text, writeOptions) => {
        await Deno.writeTextFile(path, String(text).slice(0, 7), writeOptions);
        throw diskFull();
      },
    };
    const error = await assertRejects(
      () => loadOrCreateKey(`${directory}/key.txt`, { ...options, files: full }),
      KeyFileError,
      "No space left on device",
    );
    assert(error.message.includes("Free some space on that disk"), error.message);
    assertEquals(await namesIn(directory), []);
  }));

Deno.test("loadOrCreateKey() leaves no file behind when a directory is full", () =>
  inTempDir(async (directory) => {
    const refuse = () => Promise.reject(diskFull());
    const files: KeyFileSystem = { ...Deno, link: refuse, rename: refuse };
    await assertRejects(
      () => loadOrCreateKey(`${directory}/key.txt`, { ...options, files }),
      KeyFileError,
      "Free some",
    );
    assertEquals(await namesIn(directory), []);
  }));

Deno.test("loadOrCreateKey() returns the key of another start that removed its temporary file", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/key.txt`;
    let others: Uint8Array | undefined;
    const files: KeyFileSystem = {
      ...Deno,
      link: async (from, to) => {
        others ??= (await loadOrCreateKey(path, options)).secret;
        await removeLeftovers(path, Deno);
        await Deno.link(from, to);
      },
    };
    const { secret, created } = await loadOrCreateKey(path, { ...options, files });
    assertEquals([secret, created], [others, false]);
    assertEquals(await namesIn(directory), ["key.txt"]);
  }));

Deno.test("removeLeftovers() removes only the temporary files of killed processes", () =>
  inTempDir(async (directory) => {
    const left = [".secret_key.0123456789abcdef.tmp", ".secret_key.ffffffffffffffff.tmp"];
    const others = ["key.txt", "keys.json.tmp", ".secret_key.tmp", ".secret_key.0123456789abcdef.tmp.bak"];
    for (const name of [...left, ...others]) await Deno.writeTextFile(`${directory}/${name}`, HEX);
    await removeLeftovers(`${directory}/key.txt`, Deno);
    assertEquals((await namesIn(directory)).toSorted(), others.toSorted());
    await removeLeftovers(`${directory}/no-such-directory/key.txt`, Deno);
  }));
