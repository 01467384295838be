/** Source files of the project. */
import { join } from "node:path";

/** Root of the project. */
export const ROOT = new URL("../..", import.meta.url).pathname;

/** Yields the TypeScript files below a folder, as paths from the root; the folder ends with a slash. */
export async function* sourceFiles(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, folder))) {
    if (isDirectory) yield* sourceFiles(`${folder}${name}/`);
    else if (/\.tsx?$/.test(name)) yield `${folder}${name}`;
  }
}
