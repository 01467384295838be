/**
 * Ability of this browser to show push messages.
 *
 * @module
 */

/** Ability; all but `ready` say why there are none. */
export type PushSupport = "ready" | "unsupported" | "needs_install" | "blocked";

/** Facts of the browser. */
export interface BrowserFacts {
  /** True if it has push messages and notifications. */
  readonly hasPush: boolean;
  /** Permission for notifications. */
  readonly permission: "default" | "granted" | "denied";
  /** Name and version. */
  readonly userAgent: string;
  /** Number of fingers that it feels: an iPad calls itself a Mac. */
  readonly maxTouchPoints: number;
  /** True if the page runs as an installed app. */
  readonly isInstalled: boolean;
}

/** Returns the ability of a browser. */
export function pushSupport(
  { hasPush, permission, userAgent, maxTouchPoints, isInstalled }: BrowserFacts,
): PushSupport {
  const isIos = /\b(iPhone|iPad|iPod)\b/.test(userAgent) || /\bMacintosh\b/.test(userAgent) && maxTouchPoints > 1;
  if (!hasPush) return isIos && !isInstalled ? "needs_install" : "unsupported";
  return permission === "denied" ? "blocked" : "ready";
}
