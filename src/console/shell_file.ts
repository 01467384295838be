/**
 * Choice of the requests that the service worker answers from its cache.
 *
 * @module
 */

/** Request, as far as it matters. */
export interface PageRequest {
  /** Method of HTTP. */
  readonly method: string;
  /** Address. */
  readonly url: string;
}

/** Files of the page, and its address. */
export interface ShellFiles {
  /** Address of the page, with a slash at its end. */
  readonly scope: string;
  /** Paths relative to it. */
  readonly files: readonly string[];
}

/** Returns the file of the page that a request is for; undefined for anything else, such as a request to the gateway. */
export function shellFile({ method, url }: PageRequest, { scope, files }: ShellFiles): string | undefined {
  if (method !== "GET") return undefined;
  const address = url.split("#")[0] ?? url;
  return files.find((file) => new URL(file, scope).href === address);
}

/** Returns the beginning of the names of a page's caches, each of which has the files of one version. */
export function cachePrefix(scope: string): string {
  return `e2eg ${scope} `;
}
