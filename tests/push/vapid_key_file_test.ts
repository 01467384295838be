import { assert, assertEquals, assertRejects } from "@std/assert";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { generateVapidKey } from "../../src/push/vapid_key.ts";
import {
  loadOrCreateVapidKey,
  type VapidFileSystem,
  VapidKeyFileError,
  vapidKeyFileOf,
} from "../../src/push/vapid_key_file.ts";
import { inTempDir } from "../support/temp_dir.ts";

function load(path: string, files: Partial<VapidFileSystem> = {}, mode: "strict" | "ignore" = "strict") {
  return loadOrCreateVapidKey(path, { files: { ...Deno, ...files }, random: randomBytes, mode });
}

Deno.test("loadOrCreateVapidKey() creates a file for its owner alone, once, and loads it afterwards", () =>
  inTempDir(async (directory) => {
    const path = vapidKeyFileOf(`${directory}/data/secret_key.txt`);
    assertEquals(path, `${directory}/data/vapid_key.json`);
    const first = await load(path);
    assertEquals([first.created, first.tightened], [true, false]);
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    const second = await load(path);
    assertEquals([second.created, second.key.publicKey], [false, first.key.publicKey]);
    const names = await Array.fromAsync(Deno.readDir(`${directory}/data`), ({ name }) => name);
    assertEquals(names, ["vapid_key.json"], "no temporary file is left");
  }));

Deno.test("loadOrCreateVapidKey() gives the same key to processes that start at the same time", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/vapid_key.json`;
    const all = await Promise.all(Array.from({ length: 5 }, () => load(path)));
    assertEquals(new Set(all.map(({ key }) => key.publicKey)).size, 1);
    assertEquals(all.filter(({ created }) => created).length, 1);
  }));

Deno.test("loadOrCreateVapidKey() closes a file that others can read, unless modes are ignored", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/vapid_key.json`;
    await Deno.writeTextFile(path, await generateVapidKey());
    await Deno.chmod(path, 0o644);
    assertEquals((await load(path, {}, "ignore")).tightened, false);
    assertEquals((await load(path)).tightened, true);
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  }));

Deno.test("loadOrCreateVapidKey() names the file, the fault and the remedy, and nothing of the content", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/vapid_key.json`;
    const faultOf = async (files: Partial<VapidFileSystem> = {}) => {
      const { message } = await assertRejects(() => load(path, files), VapidKeyFileError);
      assert(message.startsWith(`VAPID key file "${path}" `), message);
      return message;
    };
    await Deno.writeTextFile(path, '{"d":"secret"}');
    const invalid = await faultOf();
    assert(invalid.includes("Restore the file from a backup"), invalid);
    assert(!invalid.includes("secret"), invalid);
    await Deno.writeTextFile(path, "x".repeat(5000));
    assert((await faultOf()).includes("cannot be read"));
    await Deno.remove(path);
    await Deno.mkdir(path);
    assert((await faultOf()).includes("must be an ordinary file"));
    await Deno.remove(path);
    await Deno.symlink(`${directory}/absent.json`, path);
    assert((await faultOf()).includes("is a link to a file that does not exist"));
    await Deno.remove(path);
    const full = Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
    assert((await faultOf({ writeTextFile: () => Promise.reject(full) })).includes("Free some space"));
    assert((await faultOf({ mkdir: () => Promise.reject(new Error("denied")) })).includes("or set PUSH=off"));
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
  }));
