/**
 * Pairing code in the page's own address.
 *
 * @module
 */

/** Address of the page, as far as it is needed. */
export interface PageAddress {
  /** Whole address. */
  readonly href: string;
  /** Fragment, with `#`. */
  readonly hash: string;
}

/** Function that replaces the page's address without a new entry in the history, such as `history.replaceState`. */
export type ReplaceAddress = (address: string) => void;

/**
 * Takes a pairing link out of the page's address, so that neither the history, nor a shared address, nor any request has
 * the code. Call it before anything else.
 *
 * @returns the link, or undefined if the address has no code
 */
export function takePairingLink({ href, hash }: PageAddress, replace: ReplaceAddress): string | undefined {
  if (!hash.startsWith("#pair=")) return undefined;
  const page = href.slice(0, href.indexOf("#"));
  replace(page);
  return `${page.split("?")[0]}${hash}`;
}
