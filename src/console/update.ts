/**
 * Service worker of the page: it shows the page without a network, and a new version only when it is asked for.
 *
 * @module
 */
import { cachePrefix } from "./shell_file.ts";
import { workerUrl } from "./trusted_url.ts";

/**
 * Registers the service worker, and watches for a new version of the page.
 *
 * @param onUpdate called with a function that takes the new version and reloads the page
 */
export async function watchForUpdate(onUpdate: (update: () => void) => void): Promise<void> {
  const { serviceWorker } = navigator;
  if (serviceWorker === undefined) return;
  let registration: ServiceWorkerRegistration;
  try {
    registration = await serviceWorker.register(workerUrl("sw.js"), { updateViaCache: "none" });
  } catch {
    // Without it, the page works as long as there is a network.
    return;
  }
  const offer = (worker: ServiceWorker | null) => {
    if (worker === null || serviceWorker.controller === null) return;
    onUpdate(() => {
      serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
      worker.postMessage("take_over");
    });
  };
  offer(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const { installing } = registration;
    installing?.addEventListener("statechange", () => {
      if (installing.state === "installed") offer(installing);
    });
  });
}

/** Removes the service worker and its files, until the page is opened again. Other pages of the same origin keep theirs. */
export async function deleteFiles(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration();
  if (registration === undefined) return;
  await registration.unregister();
  const names = await caches.keys();
  const prefix = cachePrefix(registration.scope);
  await Promise.all(names.filter((name) => name.startsWith(prefix)).map((name) => caches.delete(name)));
}
