/**
 * Folder of the page's built files.
 *
 * @module
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/** Path of the folder, wherever the gateway is installed. */
export const CONSOLE_FOLDER: string = fileURLToPath(new URL("../console/dist", import.meta.url));

/** Returns the folder's paths: its full one, and the one from the working directory, without the folders above. */
export function consoleFolderPaths(): readonly string[] {
  return [CONSOLE_FOLDER, relative("", CONSOLE_FOLDER)];
}
