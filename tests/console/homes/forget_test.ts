/** Forgetting a home: whatever the gateway answers, nothing of it stays on the device. */
import { assertEquals } from "@std/assert";
import { App, type Browser } from "../../../src/console/app.ts";
import { importUnreadableKey } from "../../../src/console/connection/secret_key.ts";
import { type Home, homeId } from "../../../src/console/homes/home.ts";
import { HomeStore } from "../../../src/console/homes/home_store.ts";
import { deriveKeyId } from "../../../src/protocol/secret_key.ts";
import { type Answerer, coded, fetchOf, KEY, made, refuse, unreachable } from "../../support/fake_gateway.ts";
import { until } from "../../support/deadline.ts";
import { FakeDevicePush } from "../support/push.ts";
import { makeStorage } from "../support/storage.ts";

/** Opens a page with one home, whose gateway answers the request to forget it. */
async function openPage(answer: Answerer) {
  const { values, storage } = makeStorage();
  const home: Home = {
    base: "https://home.example",
    kid: await deriveKeyId(Uint8Array.fromHex(KEY)),
    name: "phone",
    key: await importUnreadableKey(KEY),
    pairedAt: 0,
  };
  const store = new HomeStore(storage);
  await store.save(home);
  await store.remember(home, "seen", {});
  const marks = new Set(["paired"]);
  const { fetch, requests } = fetchOf([answer]);
  let deleted = 0;
  const routes: string[] = [];
  const push = new FakeDevicePush({ isAllowed: false });
  const browser: Browser = {
    fetch,
    now: () => 0,
    label: "test",
    mayConnect: () => true,
    persist: () => Promise.resolve(true),
    deleteFiles: () => {
      deleted += 1;
      // The service worker is among them.
      push.isAllowed = false;
      return Promise.resolve();
    },
    push,
    go: (route) => void routes.push(route),
  };
  const mark = { has: () => marks.has("paired"), set() {}, remove: () => void marks.delete("paired") };
  const app = new App(browser, { store, mark });
  await app.load("en");
  return { app, home, store, values, marks, requests, routes, push, deleted: () => deleted };
}

for (
  const [cause, outcome, answer] of [
    ["the gateway removes the key", "everywhere", made({ source: "gateway" }, 200, { success: true, name: "phone" })],
    ["the key is not accepted", "not_accepted", refuse(401)],
    ["it is the key default", "default", coded(403, "scope")],
    ["nothing answers", "here_only", unreachable],
    ["the gateway fails", "here_only", coded(500, "internal")],
    ["the browser fails", "here_only", () => Promise.reject(new DOMException("A fault", "OperationError"))],
  ] as const
) {
  Deno.test(`App.forget() deletes all that is kept of the last home when ${cause}, and reports "${outcome}"`, async () => {
    const { app, home, values, marks, requests, routes, push, deleted } = await openPage(answer);
    assertEquals(app.connection.value?.home.kid, home.kid);
    assertEquals(await app.forget(home), outcome);
    assertEquals(requests.map(({ fields }) => [fields["service"], fields["forget"]]), [["device", true]]);
    assertEquals([[...values.keys()], [...marks], routes, deleted()], [[], [], [""], 1]);
    assertEquals([app.homes.value, app.connection.value, push.withdrawn], [[], undefined, [home.kid]]);
  });
}

Deno.test("App.forget() deletes the key while another tab holds the lock of push messages, then ends them", async () => {
  const { app, home, values, push } = await openPage(unreachable);
  push.isAllowed = true;
  await push.browser.subscribe({ applicationServerKey: "AQID" });
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const holding = push.runExclusive(() => end);
  const forgetting = app.forget(home);
  await until("the key to be deleted", () => values.size === 0 && push.withdrawn.length === 1);
  resolve();
  assertEquals(await forgetting, "here_only");
  assertEquals(push.browser.current, null);
  await holding;
});

Deno.test("App.forget() opens the next home, and keeps the files of the page for it", async () => {
  const { app, home, store, values, marks, deleted } = await openPage(unreachable);
  const other: Home = { ...home, base: "https://other.example", pairedAt: 1 };
  await store.save(other);
  await app.forget(home);
  assertEquals([app.homes.value.map(({ base }) => base), app.connection.value?.home.base], [[other.base], other.base]);
  assertEquals([[...values.keys()], [...marks], deleted()], [
    [`home/${homeId(other)}`, "preference/current"],
    ["paired"],
    0,
  ]);
});
