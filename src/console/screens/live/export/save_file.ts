/**
 * Saves a file that the page made.
 *
 * @module
 */

/** Time after which the file's address is given back, in milliseconds: the browser has begun to save by then. */
const KEPT_MS = 10_000;

/** Saves a file by the browser's own way of downloading. */
export function saveFile(name: string, parts: readonly string[], type: string): void {
  const url = URL.createObjectURL(new Blob([...parts], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}
