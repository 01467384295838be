/**
 * Files of the page for use without a network, as the build found them.
 *
 * @module
 */

/** Files of the page. */
export interface Shell {
  /** Changes when one of the files changes: 16 hexadecimal digits. */
  readonly version: string;
  /** Paths relative to the page: the page itself, its scripts and styles, the manifest and the icons. */
  readonly files: readonly string[];
}

/** Replaced by the build. */
declare const E2EG_SHELL: Shell;

/** Files of the page; only workers know them. */
export const SHELL: Shell = E2EG_SHELL;
