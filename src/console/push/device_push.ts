/**
 * Push messages of a browser, as far as the page reaches them.
 *
 * @module
 */
import type { BrowserPush, RunExclusive } from "./registration.ts";

/** Push messages of a browser, as far as the page reaches them. */
export interface DevicePush {
  /** Asks for the permission to show notifications; returns whether it is granted. */
  readonly ask: () => Promise<boolean>;
  /** Returns the browser's push messages; undefined without them, without permission, or without the service worker. */
  readonly open: () => Promise<BrowserPush | undefined>;
  /** Closes the notifications that are shown for the key of a home. */
  readonly withdraw: (kid: string) => Promise<void>;
  /** Runs one work at a time of all tabs and the service worker. */
  readonly runExclusive: RunExclusive;
}
