/** Push messages in the service worker, with a browser in memory. */
import { assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { HomeStore } from "../../../src/console/homes/home_store.ts";
import type { KeyValueStore } from "../../../src/console/homes/key_value_store.ts";
import type { ShownOptions } from "../../../src/console/push/shown_notification.ts";
import { PushHandler } from "../../../src/console/workers/push_handler.ts";
import { importUnreadableKey } from "../../../src/console/connection/secret_key.ts";
import { deriveKeyId } from "../../../src/protocol/secret_key.ts";
import { type Answerer, coded, fetchOf, KEY, made, unreachable } from "../../support/fake_gateway.ts";
import { FakeBrowserPush, FakeGatewayPush, makeHome, pushFetch } from "../support/push.ts";
import { makeStorage } from "../support/storage.ts";

const SCOPE = "https://page.example/";
const KID = await deriveKeyId(Uint8Array.fromHex(KEY));

/** Makes a service worker of a device with one home. */
async function makeWorker(
  { answers = [], gateways, windows = [], mayOpen = true, isOn = true, storage = makeStorage().storage }: {
    readonly answers?: readonly Answerer[];
    readonly gateways?: ReadonlyMap<number, FakeGatewayPush>;
    readonly windows?: readonly string[];
    readonly mayOpen?: boolean;
    readonly isOn?: boolean;
    readonly storage?: KeyValueStore;
  } = {},
) {
  const store = new HomeStore(storage);
  const key = await importUnreadableKey(KEY);
  const home = { base: "https://home.example", kid: KID, name: "phone", key, pairedAt: 0 };
  await store.save(home).catch(() => {});
  await store.remember(home, "push", { isOn }).catch(() => {});
  const shown: (ShownOptions & { readonly title: string })[] = [];
  const opened: string[] = [];
  const { fetch, requests } = fetchOf(answers);
  const handler = new PushHandler({
    registration: {
      scope: SCOPE,
      showNotification: (title, options) => Promise.resolve(void shown.push({ title, ...options })),
      pushManager: new FakeBrowserPush(),
    },
    clients: {
      matchAll: () =>
        Promise.resolve(windows.map((url) => ({
          url,
          focused: false,
          focus: () => Promise.resolve(opened.push(`focus ${url}`)),
          postMessage: (message: unknown) => void opened.push(JSON.stringify(message)),
        }))),
      openWindow: (url) =>
        mayOpen
          ? Promise.resolve(opened.push(`open ${url}`))
          : Promise.reject(new DOMException("", "InvalidAccessError")),
    },
    navigator: { languages: ["fr-FR"], onLine: true, userAgent: "Firefox/1" },
    fetch: gateways === undefined ? fetch : pushFetch(gateways),
  }, { storage, runExclusive: (work) => work(), now: () => 10_000 });
  return { handler, shown, opened, requests, store, home };
}

/** Formats a message for the home. */
function message(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    ...{ id: "1", title: "Doorbell", body: "rings", actions: [{ name: "open", label: "Open" }], urgency: "high" },
    ...{ tag: "bell", kid: KID, timestamp: 10.5, ...changes },
  });
}

/** Fails as a broken storage. */
const fail = () => Promise.reject(new DOMException("no", "UnknownError"));

/** Answers with the list of actions, of which there is one. */
function listed(changes: Readonly<Record<string, unknown>> = {}): Answerer {
  return made({ source: "gateway" }, 200, { actions: [{ name: "open", label: "Open", params: {}, ...changes }] });
}

const data = { kid: KID, actions: [{ name: "open", label: "Open" }] };

Deno.test("PushHandler.received() shows a message with its buttons, and one that came twice again without a sound", async () => {
  const { handler, shown } = await makeWorker();
  await handler.received(message());
  await handler.received(message());
  assertEquals(shown[0], {
    ...{ title: "Doorbell", body: "rings", tag: `${KID} bell`, renotify: true, silent: false, timestamp: 10_500 },
    ...{ requireInteraction: true, actions: [{ action: "open", title: "Open" }], icon: "icon-192.png", data },
  });
  assertEquals(shown.map(({ tag, renotify, silent }) => [tag, renotify, silent]), [
    [`${KID} bell`, true, false],
    [`${KID} bell`, false, true],
  ]);
});

Deno.test("PushHandler.received() shows one notification for any message, and nothing of one for no home", async () => {
  const { handler, shown } = await makeWorker();
  const broken = fc.oneof(fc.string(), fc.json(), fc.constant(undefined), fc.constant(message({ kid: "0" })));
  await fc.assert(
    fc.asyncProperty(broken, async (text) => {
      shown.splice(0);
      await handler.received(text);
      assertEquals(shown.map(({ title, tag, renotify }) => [title, tag, renotify]), [
        ["Des nouvelles de la maison", "unreadable", false],
      ]);
    }),
    { numRuns: 50 },
  );
});

Deno.test("PushHandler.received() shows nothing of a message for a home whose push messages are off", async () => {
  const { handler, shown } = await makeWorker({ isOn: false });
  await handler.received(message());
  assertEquals(shown.map(({ title, actions }) => [title, actions]), [["Des nouvelles de la maison", []]]);
});

Deno.test("PushHandler.received() says of a late message when it was, as push services can hold it back or repeat it", async () => {
  const { handler, shown } = await makeWorker();
  for (const timestamp of [-289, -291]) await handler.received(message({ id: `${timestamp}`, timestamp }));
  assertEquals(shown[0]?.body, "rings");
  assertMatch(shown[1]?.body ?? "", /^Remis en retard, de \d\d:\d\d :\nrings$/);
});

Deno.test("PushHandler.received() shows a notification when the storage fails", async () => {
  const { handler, shown } = await makeWorker({
    storage: { get: fail, set: fail, updateOwned: fail, delete: fail, entries: fail },
  });
  await handler.received(message());
  assertEquals(shown.map(({ title }) => title), ["Des nouvelles de la maison"]);
});

for (
  const [cause, answer, text] of [
    ["the gateway ran it", made({ source: "gateway" }, 200, { success: true }), "Fait"],
    ["the key may not run it", coded(403, "scope"), "Non exécuté. Ouvrez la page pour voir pourquoi."],
    ["nothing answers", unreachable, "Pas de réponse : on ne sait pas si cela a été exécuté"],
  ] as const
) {
  Deno.test(`PushHandler.clicked() runs the action of a button, and shows its outcome when ${cause}`, async () => {
    const { handler, shown, requests, opened } = await makeWorker({ answers: [listed(), answer] });
    await handler.clicked({ action: "open", data });
    assertEquals(requests.map(({ fields: { service, name } }) => [service, name]), [["action", undefined], [
      "action",
      "open",
    ]]);
    assertEquals(shown.map(({ title, body, actions }) => [title, body, actions]), [["Open", text, []]]);
    assertEquals(opened, []);
  });
}

for (
  const [cause, answer] of [
    ["it has a question by now", listed({ confirm: "Really?" })],
    ["it has parameters by now", listed({ params: { on: { type: "boolean" } } })],
    ["it has parameters that this version does not know", listed({ params: { at: { type: "date" } } })],
    ["another action has its name by now", listed({ label: "Open the safe" })],
    ["the list cannot be read", made({ source: "gateway" }, 200, { actions: "none" })],
  ] as const
) {
  Deno.test(`PushHandler.clicked() runs no action, and opens it on the page, when ${cause}`, async () => {
    const { handler, shown, requests, opened } = await makeWorker({ answers: [answer] });
    await handler.clicked({ action: "open", data });
    assertEquals(requests.map(({ fields: { name } }) => name), [undefined]);
    assertEquals([opened, shown], [[`open ${SCOPE}#/home/action/${KID}/open`], []]);
  });
}

for (
  const [cause, answer] of [
    ["the key may not run it any more", made({ source: "gateway" }, 200, { actions: [] })],
    ["its question cannot be read", listed({ confirm: { text: "Really?" } })],
    ["the key was removed", coded(403, "scope")],
    ["nothing answers when the list is asked for", unreachable],
  ] as const
) {
  Deno.test(`PushHandler.clicked() runs no action, and says so, when ${cause}`, async () => {
    const { handler, shown, requests, opened } = await makeWorker({ answers: [answer] });
    await handler.clicked({ action: "open", data });
    assertEquals(requests.map(({ fields: { name } }) => name), [undefined]);
    assertEquals(shown.map(({ body }) => body), ["Non exécuté. Ouvrez la page pour voir pourquoi."]);
    assertEquals(opened, []);
  });
}

Deno.test("PushHandler shows a message that cannot be noted, and runs no button without the storage", async () => {
  const { storage } = makeStorage();
  const { handler, shown, requests } = await makeWorker({
    storage: {
      ...storage,
      updateOwned: (key, ...rest) => key.startsWith("shown/") ? fail() : storage.updateOwned(key, ...rest),
    },
  });
  await handler.received(message());
  assertEquals(shown.map(({ title }) => title), ["Doorbell"]);
  const broken = await makeWorker({
    storage: { get: fail, set: fail, updateOwned: fail, delete: fail, entries: fail },
  });
  await broken.handler.clicked({ action: "open", data });
  assertEquals(broken.shown.map(({ body }) => body), ["Non exécuté. Ouvrez la page pour voir pourquoi."]);
  assertEquals([...requests, ...broken.requests], []);
});

Deno.test("PushHandler.clicked() runs nothing for a home that was forgotten", async () => {
  const { handler, shown, requests, store, home } = await makeWorker();
  await store.forget(home);
  await handler.clicked({ action: "open", data });
  assertEquals([requests, shown.map(({ title }) => title)], [[], ["Open"]]);
});

Deno.test("PushHandler.clicked() shows a notification that opens the question when the browser opens no window any more", async () => {
  const { handler, shown, opened } = await makeWorker({ answers: [listed({ confirm: "Really?" })], mayOpen: false });
  await handler.clicked({ action: "open", data });
  assertEquals(shown.map(({ body }) => body), ["Pas encore exécuté : touchez ici pour confirmer sur la page."]);
  const next = await makeWorker({ windows: [`${SCOPE}#/live`] });
  await next.handler.clicked({ action: "", data: shown[0]?.data });
  assertEquals([...opened, ...next.opened], [
    JSON.stringify({ route: `#/home/action/${KID}/open` }),
    `focus ${SCOPE}#/live`,
  ]);
});

Deno.test("PushHandler.clicked() shows the alerts of the home in an open window, or in a new one", async () => {
  const route = `#/device/alerts/${KID}`;
  const first = await makeWorker({ windows: ["https://page.example/admin/", `${SCOPE}#/home`] });
  await first.handler.clicked({ action: "", data });
  assertEquals(first.opened, [JSON.stringify({ route }), `focus ${SCOPE}#/home`]);
  const second = await makeWorker({ windows: ["https://page.example/admin/"] });
  await second.handler.clicked({ action: "unknown", data });
  await second.handler.clicked({ action: "open", data: "malformed" });
  assertEquals(second.opened, [`open ${SCOPE}${route}`, `open ${SCOPE}#/device`]);
  assertEquals([...first.requests, ...second.requests], []);
});

Deno.test("PushHandler.renew() subscribes the homes that want push messages again", async () => {
  const state = { enabled: true, publicKey: "AQID", max: 5, maxRules: 50, subscriptions: [], rules: [], sources: [] };
  const answers = [made({ source: "gateway" }, 200, state), made({ source: "gateway" }, 200, { id: "new" })];
  const { handler, store, home, requests } = await makeWorker({ answers, isOn: false });
  await handler.renew();
  assertEquals(requests.length, 0);
  await store.remember(home, "push", { isOn: true, id: "old", seenUntil: 3 });
  await handler.renew();
  assertEquals(await store.recall(home, "push"), {
    ...{ isOn: true, id: "new", endpoint: "https://push.example/1", seenUntil: 3, reportedUntil: 0 },
  });
});

Deno.test("PushHandler.renew() goes on with the other homes when the gateway of one is unreachable", async () => {
  const unreachable = new FakeGatewayPush();
  unreachable.isReachable = false;
  const gateways = new Map([[1, unreachable], [2, new FakeGatewayPush()], [3, new FakeGatewayPush()]]);
  const { handler, store } = await makeWorker({ gateways, isOn: false });
  for (const number of gateways.keys()) {
    const home = await makeHome(number);
    await store.save(home);
    await store.remember(home, "push", { isOn: number !== 3 });
  }
  await handler.renew();
  assertEquals([...gateways.values()].map(({ endpoints }) => endpoints.size), [0, 1, 0]);
});
