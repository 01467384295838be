/**
 * What `src/console/dist/` holds: the built files, their compressed forms, and the table of both.
 *
 * @module
 */
import { brotliCompressSync, gzipSync } from "node:zlib";
import { type Coding, CODINGS, type FileForm, type PageFile, TABLE_NAME } from "../../src/http/page_file.ts";
import type { Bytes } from "../../src/protocol/bytes.ts";
import { type ConsoleFiles, isNamedByContent } from "./build_console.ts";
import { integrityOf } from "./page.ts";

/** Media types by the endings of names, and whether such files shrink. */
const MEDIA_TYPES: Readonly<Record<string, readonly [mediaType: string, shrinks: boolean]>> = {
  css: ["text/css; charset=utf-8", true],
  html: ["text/html; charset=utf-8", true],
  ico: ["image/x-icon", false],
  js: ["text/javascript; charset=utf-8", true],
  png: ["image/png", false],
  svg: ["image/svg+xml", true],
  webmanifest: ["application/manifest+json", true],
};

const COMPRESSORS: Readonly<Record<Coding, (content: Bytes) => Bytes>> = {
  br: (content) => new Uint8Array(brotliCompressSync(content)),
  gzip: (content) => new Uint8Array(gzipSync(content, { level: 9 })),
};

/**
 * Returns all files of the folder by their paths.
 *
 * @throws {Error} if the media type of a file is not known
 */
export async function makeRelease(files: ConsoleFiles): Promise<ConsoleFiles> {
  const release = new Map<string, Bytes>();
  const table: PageFile[] = [];
  for (const [path, content] of files) {
    const [mediaType, shrinks] = MEDIA_TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? [undefined, false];
    if (mediaType === undefined) throw new Error(`${path}: add its media type to tools/console/release.ts`);
    const plain = await formOf({ path, coding: "identity" }, content);
    release.set(path, content);
    const compressed: FileForm[] = [];
    for (const [coding, ending] of shrinks ? codings() : []) {
      const bytes = COMPRESSORS[coding](content);
      if (bytes.length >= content.length) continue;
      release.set(path + ending, bytes);
      compressed.push(await formOf({ path: path + ending, coding }, bytes));
    }
    compressed.sort((one, other) => one.bytes - other.bytes);
    table.push({
      path,
      mediaType,
      isNamedByContent: isNamedByContent(path),
      integrity: await integrityOf(content),
      forms: { plain, compressed },
    });
  }
  release.set(TABLE_NAME, new TextEncoder().encode(`${JSON.stringify(table, null, 1)}\n`));
  return release;
}

function codings(): readonly (readonly [Coding, string])[] {
  return [["br", CODINGS.br], ["gzip", CODINGS.gzip]];
}

async function formOf(form: Pick<FileForm, "path" | "coding">, content: Bytes): Promise<FileForm> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
  return { ...form, bytes: content.length, hash };
}
