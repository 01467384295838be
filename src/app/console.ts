/**
 * Reads the files of the page from the disk.
 *
 * @module
 */
import { CONSOLE_FOLDER } from "../config/console_folder.ts";
import type { Config } from "../config/settings.ts";
import type { PageFiles } from "../http/console.ts";
import { type FileForm, parsePageFiles, TABLE_NAME } from "../http/page_file.ts";
import { errorText } from "../lib/errors.ts";
import type { Log } from "../observability/log.ts";
import type { Platform } from "../platform.ts";
import type { Bytes } from "../protocol/bytes.ts";

/**
 * Opens the page's files; their contents are read at the first request. A page that cannot be served is logged, and keeps
 * no gateway from starting.
 *
 * @returns undefined if the page is off, or cannot be served
 */
export async function openConsole(
  { server }: Pick<Config, "server">,
  { files }: Pick<Platform, "files">,
  log: Pick<Log, "warn">,
): Promise<PageFiles | undefined> {
  if (server.console === "off") return undefined;
  try {
    const table = parsePageFiles(await files.readTextFile(`${CONSOLE_FOLDER}/${TABLE_NAME}`));
    return { files: table, read: (form) => readForm(form, files) };
  } catch (error) {
    log.warn("The page is not served: {reason}. Restore the folder src/console/dist, or set CONSOLE=off", {
      reason: errorText(error),
    });
    return undefined;
  }
}

/** Reads a form of a file. */
async function readForm({ path, hash }: FileForm, files: Pick<Platform["files"], "readFile">): Promise<Bytes> {
  const content = await files.readFile(`${CONSOLE_FOLDER}/${path}`);
  const found = new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
  // A page of two versions would not work.
  if (found !== hash) throw new Error(`${path} of the page has changed since the start: restart the gateway`);
  return content;
}
