/**
 * Compressed forms of the page's files.
 *
 * @module
 */
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** Endings of files that compress well. The others are pictures. */
const COMPRESSIBLE = /\.(?:html|js|css|webmanifest|svg|json|txt)$/;

/** Compressors by the endings that they add to a file's name. */
const COMPRESSORS: Readonly<Record<string, (content: Uint8Array) => Uint8Array>> = {
  ".gz": (content) => gzipSync(content, { level: 9 }),
  ".br": (content) => brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }),
};

/** Returns the compressed forms of a file by their names; none where they would not be smaller. */
export function compressedForms(name: string, content: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const forms = COMPRESSIBLE.test(name) ? Object.entries(COMPRESSORS) : [];
  const made = forms.map(([ending, compress]) => [`${name}${ending}`, compress(content)] as const);
  return new Map(made.filter(([, form]) => form.length < content.length));
}
