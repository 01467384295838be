/**
 * Service worker of the page: serves its files from the cache, so that it opens without a network. A new version waits
 * until the page asks for it. Requests to the gateway are never touched. It shows push messages, also while no page is open.
 *
 * @module
 */
import { openIndexedDb } from "../homes/key_value_store.ts";
import { runExclusive } from "../push/browser_push.ts";
import { SHELL } from "../shell.ts";
import { cachePrefix, shellFile } from "../shell_file.ts";
import { PushHandler, type PushScope } from "./push_handler.ts";

/** Global scope of a service worker, as far as it is used; not among the types of a page. */
interface WorkerScope extends PushScope {
  addEventListener(
    type: "install" | "activate",
    listener: (event: { waitUntil(work: Promise<unknown>): void }) => void,
  ): void;
  addEventListener(
    type: "push",
    listener: (event: { readonly data: { text(): string } | null; waitUntil(work: Promise<unknown>): void }) => void,
  ): void;
  addEventListener(
    type: "notificationclick",
    listener: (event: {
      readonly action: string;
      readonly notification: { readonly data: unknown; close(): void };
      waitUntil(work: Promise<unknown>): void;
    }) => void,
  ): void;
  addEventListener(
    type: "pushsubscriptionchange",
    listener: (event: { waitUntil(work: Promise<unknown>): void }) => void,
  ): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    type: "fetch",
    listener: (event: { readonly request: Request; respondWith(response: Promise<Response>): void }) => void,
  ): void;
  skipWaiting(): Promise<void>;
  readonly clients: PushScope["clients"] & { claim(): Promise<void> };
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

const pushes = new PushHandler(self, { storage: openIndexedDb(), runExclusive, now: () => Date.now() });
self.addEventListener("push", (event) => event.waitUntil(pushes.received(event.data?.text())));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(pushes.clicked({ action: event.action, data: event.notification.data }));
});
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(pushes.renew()));

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
