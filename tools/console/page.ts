/**
 * The page's index.html, made from the one among the sources.
 *
 * @module
 */

/** Built file that the page loads. */
export interface PageAsset {
  /** Path relative to the page. */
  readonly path: string;
  /** Content. */
  readonly text: string;
}

/** Replacements in the page. */
export interface PageAssets {
  /** What to load for each entry that the page names, by its path below the sources. */
  readonly entries: ReadonlyMap<string, PageAsset>;
  /** Scripts that the first entry imports at its start. */
  readonly preloads: readonly PageAsset[];
}

/** Tag of the page's sources that names an entry. */
const ENTRY_TAG = /(<(?:script|link)\b[^>]*?\b(?:src|href)=")([^":]+\.(?:tsx?|css))"/g;

/**
 * Makes the page. Each tag that loads a file gets the file's hash (Subresource Integrity).
 *
 * @throws {Error} if the page names an entry that was not built
 */
export async function makePage(source: string, { entries, preloads }: PageAssets): Promise<string> {
  const hashes = new Map<PageAsset, string>();
  for (const asset of [...entries.values(), ...preloads]) hashes.set(asset, await integrityOf(asset.text));
  const page = source.replaceAll(ENTRY_TAG, (_tag, start: string, path: string) => {
    const asset = entries.get(path);
    if (asset === undefined) throw new Error(`index.html names ${path}, which is no entry of the build`);
    return `${start}${asset.path}" integrity="${hashes.get(asset)}"`;
  });
  const tags = preloads.map((asset) =>
    `    <link rel="modulepreload" href="${asset.path}" integrity="${hashes.get(asset)}">\n`
  );
  // Before the script that imports them: the browser would otherwise load them without a hash.
  return page.replace(/(?= *<script\b)/, tags.join(""));
}

/** Returns the hash of a file as browsers read it: `sha384-…`. */
export async function integrityOf(content: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return `sha384-${new Uint8Array(await crypto.subtle.digest("SHA-384", bytes)).toBase64()}`;
}
