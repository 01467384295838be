/**
 * Folder of the page's built files.
 *
 * @module
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/** Path of the folder, wherever the gateway is installed. */
export const CONSOLE_FOLDER: string = fileURLToPath(new URL("../console/dist", import.meta.url));

/** Returns the folder's path from the working directory: without the names of folders above, which may have spaces. */
export function consoleFolderFromHere(): string {
  return relative("", CONSOLE_FOLDER);
}
