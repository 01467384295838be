import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConfigError } from "../../src/config/parse.ts";
import { readServicesFile, type ReadServicesFileOptions } from "../../src/config/services_file_reader.ts";
import { echo } from "../support/echo_service/echo.ts";
import { inTempDir } from "../support/temp_dir.ts";

const TEXT = "echo: { servers: [echo.lan:8] }\n";

function optionsFor(path: string, rest: Partial<ReadServicesFileOptions> = {}): ReadServicesFileOptions {
  return { path, files: Deno, mode: "strict", variable: () => undefined, services: [echo], ...rest };
}

async function fault(options: ReadServicesFileOptions): Promise<string> {
  return (await assertRejects(() => readServicesFile(options), ConfigError)).message;
}

async function modeOf(path: string): Promise<number> {
  return ((await Deno.stat(path)).mode ?? 0) & 0o777;
}

Deno.test("readServicesFile() reads a file, and makes it readable only by its owner", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/services.yaml`;
    await Deno.writeTextFile(path, TEXT, { mode: 0o644 });
    const first = await readServicesFile(optionsFor(path));
    assertEquals([first.sections, first.exists, first.tightened], [{ echo: { servers: ["echo.lan:8"] } }, true, true]);
    assertEquals(await modeOf(path), 0o600);
    assertEquals((await readServicesFile(optionsFor(path))).tightened, false);
  }));

Deno.test("readServicesFile() leaves the mode of an invalid file, and of every file with the mode ignore", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/services.yaml`;
    await Deno.writeTextFile(path, "other: 1\n", { mode: 0o644 });
    assert((await fault(optionsFor(path))).includes('no such section: "other"'));
    await Deno.writeTextFile(path, TEXT);
    assertEquals((await readServicesFile(optionsFor(path, { mode: "ignore" }))).tightened, false);
    assertEquals(await modeOf(path), 0o644);
  }));

Deno.test("readServicesFile() has no sections where there is no file", () =>
  inTempDir(async (directory) => {
    const { sections, exists, variables } = await readServicesFile(optionsFor(`${directory}/services.yaml`));
    assertEquals([sections, exists, variables], [{}, false, []]);
  }));

Deno.test("readServicesFile() refuses a folder, a large file, a link without a target, and a file it cannot read", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/services.yaml`;
    assert((await fault(optionsFor(directory))).includes("must be an ordinary file of at most 1048576 bytes"));
    await Deno.writeTextFile(path, "#".repeat(2 ** 20 + 1));
    assert((await fault(optionsFor(path))).includes("must be an ordinary file of at most 1048576 bytes"));
    await Deno.remove(path);
    await Deno.symlink(`${directory}/missing`, path);
    assert((await fault(optionsFor(path))).includes("is a link to a file that does not exist: mount the disk"));
    const denied = () => Promise.reject(new Deno.errors.PermissionDenied("secret words"));
    assertEquals(
      await fault(optionsFor(path, { files: { ...Deno, stat: denied } })),
      `${path} cannot be read (PermissionDenied): check its path, owner and mode`,
    );
  }));

Deno.test("readServicesFile() refuses a file whose mode cannot be changed, and names its variables", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/services.yaml`;
    await Deno.writeTextFile(path, "echo: { replies: { a: '${TOKEN}' } }", { mode: 0o644 });
    const chmod = () => Promise.reject(new Error("Read-only file system"));
    const options = optionsFor(path, { files: { ...Deno, chmod }, variable: () => "x" });
    const { message, variables } = await assertRejects(() => readServicesFile(options), ConfigError);
    assert(message.includes("could not be changed to mode 0600: Read-only file system. Run chmod 600"), message);
    assertEquals(variables, ["TOKEN"]);
  }));

Deno.test("readServicesFile() refuses UTF-16", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/services.yaml`;
    await Deno.writeFile(path, Uint8Array.from([0xff, 0xfe, ...[..."a: 1"].flatMap((c) => [c.charCodeAt(0), 0])]));
    assert((await fault(optionsFor(path))).includes("save it as UTF-8"));
  }));
