/**
 * The command `console`: prints the hashes of the page's files, or writes the page for another server.
 *
 * @module
 */
import { CONSOLE_FOLDER } from "../config/console_folder.ts";
import { ADMIN_FOLDER } from "../http/console.ts";
import { type PageFile, parsePageFiles, TABLE_NAME } from "../http/page_file.ts";
import { errorText } from "../lib/errors.ts";
import type { Platform } from "../platform.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { type CommandLine, readOptions, wrongUsage } from "./args.ts";
import { exportedFile, parseGateway } from "./console_export.ts";
import { EXIT_FAILURE } from "./exit_codes.ts";

/** Command line of `console`. */
export const CONSOLE_LINE = {
  synopsis: "deno task console --hashes | --export DIR --gateway URL",
  summary: "Print the hashes of the page's files, or write the page for another server",
  options: {
    hashes: { type: "boolean", description: "Print the SHA-384 of each file, to compare with a release" },
    export: { type: "string", value: "DIR", description: "Write the page into DIR, which is empty or does not exist" },
    gateway: {
      type: "string",
      multiple: true,
      value: "URL",
      description: "Address of a gateway that the exported page may use;\ngive it several times for several",
    },
  },
  notes: "The page of another server needs that server's origin in ALLOWED_ORIGINS.",
} as const satisfies CommandLine;

/** Error of files that cannot be read or written. */
class FilesError extends Error {}

/** Prints hashes, or writes the page. */
export async function console(platform: Platform): Promise<number> {
  const { hashes = false, export: target, gateway: gateways = [] } = readOptions(platform.args, CONSOLE_LINE);
  if (hashes === (target !== undefined)) throw wrongUsage("Give either --hashes or --export DIR", CONSOLE_LINE);
  if (target === undefined && gateways.length > 0) throw wrongUsage("--gateway needs --export DIR", CONSOLE_LINE);
  try {
    if (target === undefined) await printHashes(platform);
    else await exportPage(platform, target, gateways);
    return 0;
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
    platform.printError(error.message);
    return EXIT_FAILURE;
  }
}

async function printHashes({ files, print }: Platform): Promise<void> {
  for (const [{ path, integrity }] of await readPage(files)) print(`${integrity}  ${path}`);
}

async function exportPage({ files, print }: Platform, target: string, addresses: readonly string[]): Promise<void> {
  if (target === "") throw wrongUsage("DIR of --export is empty", CONSOLE_LINE);
  if (addresses.length === 0) {
    throw wrongUsage("--export needs --gateway URL: the address of each gateway that the page may use", CONSOLE_LINE);
  }
  const gateways = addresses.map(parseGateway);
  const page = (await readPage(files)).filter(([{ path }]) => !path.startsWith(ADMIN_FOLDER));
  await assertEmpty(target, files);
  for (const [{ path }, content] of page) {
    const name = `${target}/${path}`;
    try {
      await files.mkdir(name.slice(0, name.lastIndexOf("/")), { recursive: true });
      await files.writeFile(name, exportedFile(path, content, gateways));
    } catch (error) {
      throw new FilesError(`${name} cannot be written: ${errorText(error)}`);
    }
  }
  print(`${page.length} files are in ${target}. Put them on a server with HTTPS, at any path`);
  print("On each gateway, add the origin of that server to ALLOWED_ORIGINS, and restart it");
}

/** Reads the page's files as they are, and checks that they are those of the table. */
async function readPage(files: Platform["files"]): Promise<readonly (readonly [PageFile, Bytes])[]> {
  try {
    const table = parsePageFiles(await files.readTextFile(`${CONSOLE_FOLDER}/${TABLE_NAME}`));
    // One after the other, so that nothing runs on once a file is found to be wrong.
    return await Array.fromAsync(table, async (file) => [file, await readPageFile(file, files)] as const);
  } catch (error) {
    const remedy = "Restore the folder from the release, or build it: deno task console:build";
    throw new FilesError(`The page cannot be read: ${errorText(error)}. ${remedy}`);
  }
}

async function readPageFile({ path, integrity }: PageFile, files: Platform["files"]): Promise<Bytes> {
  const content = await files.readFile(`${CONSOLE_FOLDER}/${path}`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-384", content)).toBase64();
  if (`sha384-${hash}` !== integrity) throw new Error(`${path} is not the file of ${TABLE_NAME}`);
  return content;
}

/**
 * Checks that a folder can be filled.
 *
 * @throws {FilesError} if it has files, which might be those of another site
 */
async function assertEmpty(target: string, files: Platform["files"]): Promise<void> {
  try {
    for await (const { name } of files.readDir(target)) {
      throw new FilesError(`${target} is not empty: it has ${name}. Name another folder`);
    }
  } catch (error) {
    if (error instanceof FilesError) throw error;
    if (!(error instanceof Deno.errors.NotFound)) throw new FilesError(`${target} cannot be used: ${errorText(error)}`);
  }
}
