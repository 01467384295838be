/**
 * Address of a screen: the fragment of the page's address, such as `#/device`.
 *
 * @module
 */

/** Screen that an address names, and what follows it. */
export interface Route {
  /** Id of the screen. */
  readonly screen: string;
  /** Parts after the screen, percent-decoded. */
  readonly rest: readonly string[];
}

/** Parses a fragment; anything that names no screen is the first screen. */
export function parseRoute(hash: string): Route | undefined {
  if (!hash.startsWith("#/")) return undefined;
  try {
    const [screen = "", ...rest] = hash.slice(2).split("/").map(decodeURIComponent);
    return screen === "" ? undefined : { screen, rest };
  } catch {
    return undefined;
  }
}

/** Formats the fragment of a screen. Halves of characters, which ids of a device may have, are replaced. */
export function formatRoute(screen: string, ...rest: readonly string[]): string {
  return `#/${[screen, ...rest].map((part) => encodeURIComponent(part.toWellFormed())).join("/")}`;
}
