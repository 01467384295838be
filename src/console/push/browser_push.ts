/**
 * Push messages of the real browser.
 *
 * @module
 */
import { type PushSupport, pushSupport } from "./push_support.ts";
import type { BrowserPush } from "./registration.ts";

/** Returns the browser's push messages; undefined without them, without permission, or without the service worker. */
export async function openBrowserPush(): Promise<BrowserPush | undefined> {
  // To subscribe would ask for permission, though no button was pressed.
  if (!("Notification" in globalThis) || Notification.permission !== "granted") return undefined;
  const registration = await navigator.serviceWorker?.getRegistration();
  return registration?.pushManager;
}

/** Returns the ability of this browser. */
export function browserSupport(): PushSupport {
  const hasPush = "serviceWorker" in navigator && "PushManager" in globalThis && "Notification" in globalThis;
  return pushSupport({
    hasPush,
    permission: hasPush ? Notification.permission : "default",
    userAgent: navigator.userAgent,
    maxTouchPoints: navigator.maxTouchPoints,
    isInstalled: matchMedia("(display-mode: standalone)").matches,
  });
}
