/** The files of the page in the repository: they are what the sources give, and small. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { CONSOLE_FOLDER } from "../../src/config/console_folder.ts";
import { type FileForm, parsePageFiles, TABLE_NAME } from "../../src/http/page_file.ts";
import { buildConsole } from "../../tools/console/build_console.ts";
import { closeBundler } from "../../tools/console/bundle.ts";
import { makeRelease } from "../../tools/console/release.ts";

/** Most bytes of the first screen, compressed with gzip. */
const FIRST_SCREEN_BYTES = 90 * 1024;

const REBUILD = "The files are not those of the sources: run deno task console:build, and commit src/console/dist";

/** Reads all files below a folder, by their paths. */
async function readFolder(folder: string, prefix = ""): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const found = new Map<string, Uint8Array<ArrayBuffer>>();
  for await (const { name, isDirectory } of Deno.readDir(`${folder}/${prefix}`)) {
    const below = isDirectory ? await readFolder(folder, `${prefix}${name}/`) : undefined;
    for (const [path, content] of below ?? []) found.set(path, content);
    if (below === undefined) found.set(prefix + name, await Deno.readFile(`${folder}/${prefix}${name}`));
  }
  return found;
}

const DECODERS: Readonly<Record<FileForm["coding"], (content: Uint8Array<ArrayBuffer>) => Uint8Array>> = {
  identity: (content) => content,
  br: brotliDecompressSync,
  gzip: gunzipSync,
};

const bytesOf = (content: Uint8Array | undefined) => new Uint8Array(content ?? []);

Deno.test("the sources build to the files of the repository, byte for byte", async () => {
  const built = await buildConsole().finally(closeBundler);
  const present = await readFolder(CONSOLE_FOLDER);
  // The compressed forms depend on the version of the compressor: what they decompress to does not.
  assertEquals([...present.keys()].sort(), [...(await makeRelease(built)).keys()].sort(), REBUILD);
  for (const [path, content] of built) {
    assert(bytesOf(present.get(path)).toHex() === content.toHex(), `${path}: ${REBUILD}`);
  }
});

Deno.test("the table has every file of the page with its hashes, and each compressed form is that file", async () => {
  const present = await readFolder(CONSOLE_FOLDER);
  const table = parsePageFiles(await Deno.readTextFile(`${CONSOLE_FOLDER}/${TABLE_NAME}`));
  const forms = table.flatMap(({ forms: { plain, compressed } }) => [plain, ...compressed]);
  assertEquals([TABLE_NAME, ...forms.map(({ path }) => path)].sort(), [...present.keys()].sort());
  for (const { path, forms: { plain, compressed } } of table) {
    assertEquals([plain.path, plain.coding], [path, "identity"]);
    for (const form of [plain, ...compressed]) {
      const content = bytesOf(present.get(form.path));
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
      assertEquals([form.bytes, form.hash], [content.length, hash], form.path);
      assertEquals(bytesOf(DECODERS[form.coding](content)).toHex(), bytesOf(present.get(path)).toHex(), form.path);
    }
  }
});

Deno.test("each file can be sent in 64 KiB: a stranger's connections hold no more of it", async () => {
  const table = parsePageFiles(await Deno.readTextFile(`${CONSOLE_FOLDER}/${TABLE_NAME}`));
  for (const { path, forms: { plain, compressed } } of table) {
    // A client without brotli gets gzip.
    const longest = compressed.find(({ coding }) => coding === "gzip") ?? plain;
    assert(longest.bytes <= 64 * 1024, `${path} takes ${longest.bytes} bytes: split it, or load a part of it later`);
  }
});

/** Returns the files that the page's index loads, with their hashes there. */
async function firstScreen(): Promise<Map<string, string>> {
  const page = await Deno.readTextFile(`${CONSOLE_FOLDER}/index.html`);
  const tags = [...page.matchAll(/<(?:script|link)\b[^>]*>/g)].map(([tag]) => tag);
  return new Map(tags.map((tag) => {
    const attribute = (name: RegExp) => name.exec(tag)?.[1] ?? "";
    return [attribute(/ (?:src|href)="([^"]*)"/), attribute(/ integrity="([^"]*)"/)];
  }));
}

Deno.test("every script and style of the page has the hash of its file, and a relative address", async () => {
  const table = parsePageFiles(await Deno.readTextFile(`${CONSOLE_FOLDER}/${TABLE_NAME}`));
  const first = await firstScreen();
  assert(
    [...first.keys()].some((path) => path.endsWith(".js")) && [...first.keys()].some((path) => path.endsWith(".css")),
  );
  for (const [path, integrity] of first) {
    const file = table.find((file) => file.path === path);
    assertEquals(integrity, /\.(js|css)$/.test(path) ? file?.integrity : "", path);
    assertEquals(file?.path, path);
  }
});

Deno.test("the page has no inline script, no inline style and no handler in its markup", async () => {
  const page = await Deno.readTextFile(`${CONSOLE_FOLDER}/index.html`);
  assertEquals(page.match(/<script(?![^>]* src=)|<style| style=| on[a-z]+=|javascript:/gi), null);
});

Deno.test("the first screen takes at most 90 KB compressed with gzip", async () => {
  const sizes = await Promise.all(["index.html", ...(await firstScreen()).keys()].map(async (path) => {
    const compressed = await Deno.stat(`${CONSOLE_FOLDER}/${path}.gz`).catch(() => undefined);
    return (compressed ?? await Deno.stat(`${CONSOLE_FOLDER}/${path}`)).size;
  }));
  assertLess(sizes.reduce((sum, size) => sum + size, 0), FIRST_SCREEN_BYTES);
});
