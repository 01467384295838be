/**
 * Push messages of the real browser.
 *
 * @module
 */
import { readData } from "./shown_notification.ts";
import type { DevicePush } from "./device_push.ts";
import { type PushSupport, pushSupport } from "./push_support.ts";

/** Push messages of the real browser. */
export const DEVICE_PUSH: DevicePush = {
  ask: async () => await Notification.requestPermission() === "granted",
  async open() {
    // To subscribe would ask for permission, though no button was pressed.
    if (!("Notification" in globalThis) || Notification.permission !== "granted") return undefined;
    const registration = await navigator.serviceWorker?.getRegistration();
    return registration?.pushManager;
  },
  async withdraw(kid) {
    const registration = await navigator.serviceWorker?.getRegistration();
    const notifications = await registration?.getNotifications?.() ?? [];
    for (const one of notifications) if (readData(one.data).kid === kid) one.close();
  },
  runExclusive,
};

/** Longest wait for another tab, in milliseconds: its gateway may be slow, or the browser may have suspended it. */
const LOCK_WAIT_MS = 30_000;

/**
 * Runs work in a lock that all tabs and the service worker share.
 *
 * @throws {DOMException} `TimeoutError` while another one holds the lock
 */
export async function runExclusive<T>(work: () => Promise<T>): Promise<T> {
  return await navigator.locks.request("e2e-gateway push", { signal: AbortSignal.timeout(LOCK_WAIT_MS) }, work);
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
