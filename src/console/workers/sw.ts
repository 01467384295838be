/**
 * Service worker of the page: serves its files from the cache, so that it opens without a network. A new version waits
 * until the page asks for it. Requests to the gateway are never touched.
 *
 * @module
 */
import { SHELL } from "../shell.ts";
import { cachePrefix, shellFile } from "../shell_file.ts";

/** Global scope of a service worker, as far as it is used; not among the types of a page. */
interface WorkerScope {
  addEventListener(
    type: "install" | "activate",
    listener: (event: { waitUntil(work: Promise<unknown>): void }) => void,
  ): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    type: "fetch",
    listener: (event: { readonly request: Request; respondWith(response: Promise<Response>): void }) => void,
  ): void;
  skipWaiting(): Promise<void>;
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
}

declare const self: WorkerScope;

const PREFIX = cachePrefix(self.registration.scope);
const CACHE = PREFIX + SHELL.version;

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", ({ data }) => {
  if (data === "take_over") void self.skipWaiting();
});
self.addEventListener("fetch", (event) => {
  const file = shellFile(event.request, { scope: self.registration.scope, files: SHELL.files });
  if (file !== undefined) event.respondWith(serve(file, event.request));
});

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  const requests = SHELL.files.map((file) => new Request(new URL(file, self.registration.scope), { cache: "reload" }));
  await cache.addAll(requests);
}

/** Deletes the files of other versions of this page; other pages of the same origin keep theirs. */
async function activate(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(
    names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)),
  );
  await self.clients.claim();
}

async function serve(file: string, request: Request): Promise<Response> {
  // Does not make the cache anew once the page has deleted it.
  const cached = await caches.match(new URL(file, self.registration.scope), { cacheName: CACHE });
  return cached ?? await fetch(request);
}
