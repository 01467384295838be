/**
 * Names of files by their content. esbuild's own hashes depend on the paths of the packages, which differ from machine to
 * machine.
 *
 * @module
 */

/** Digits of a hash in a name. */
const HASH_DIGITS = 16;

/**
 * Names files by the SHA-256 of their content and of the files that they name, and replaces the names in all of them.
 *
 * @param texts texts of the files by their present names, each of which is unique as a text
 * @param baseOf returns the start of a file's new name, such as `main` in `main-0123456789abcdef.js`
 * @returns the new name of each file by its present one, and the new texts by their new names
 */
export async function nameByContent(
  texts: ReadonlyMap<string, string>,
  baseOf: (name: string) => string,
): Promise<{ readonly names: ReadonlyMap<string, string>; readonly texts: ReadonlyMap<string, string> }> {
  const anyName = new RegExp([...texts.keys()].map(RegExp.escape).join("|"), "g");
  // Files may name each other in a circle, so that a hash cannot cover the new names: it covers the texts behind them.
  const blanks = new Map([...texts].map(([name, text]) => [name, text.replaceAll(anyName, "\0")]));
  const names = new Map<string, string>();
  for (const name of texts.keys()) {
    const covered = reachableFrom(name, texts, anyName).map((reached) => blanks.get(reached) ?? "");
    const extension = name.slice(name.lastIndexOf("."));
    names.set(name, `${baseOf(name)}-${(await sha256(covered.join("\0\0"))).slice(0, HASH_DIGITS)}${extension}`);
  }
  const renamed = [...texts].map(([name, text]) =>
    [names.get(name) ?? name, text.replaceAll(anyName, (found) => names.get(found) ?? found)] as const
  );
  return { names, texts: new Map(renamed) };
}

/** Returns a file and all that it names, directly or not, in the order in which they are named. */
function reachableFrom(start: string, texts: ReadonlyMap<string, string>, anyName: RegExp): readonly string[] {
  const reached = new Set([start]);
  for (const name of reached) for (const [found] of texts.get(name)?.matchAll(anyName) ?? []) reached.add(found);
  return [...reached];
}

async function sha256(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}
