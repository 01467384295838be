/**
 * Gives a complete file its name, without replacing another one.
 *
 * @module
 */

/**
 * Renames a file, unless there is one of the new name.
 *
 * @param temporary the complete file
 * @param path its new name
 * @returns false if there is a file of that name. The temporary name may remain: its owner removes it
 * @throws the error of a file system that cannot rename it
 */
export async function renameUnlessExists(
  temporary: string,
  path: string,
  files: Pick<typeof Deno, "link" | "rename">,
): Promise<boolean> {
  try {
    await files.link(temporary, path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    // FAT and many network file systems do not support links.
    await files.rename(temporary, path);
  }
  return true;
}
