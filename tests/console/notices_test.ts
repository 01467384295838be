import { assertEquals } from "@std/assert";
import { App } from "../../src/console/app.ts";
import { HomeStore } from "../../src/console/homes/home_store.ts";
import { FakeDevicePush } from "./support/push.ts";
import { makeStorage } from "./support/storage.ts";

/** Makes the state of a page without homes. */
function makeApp(): App {
  return new App({
    fetch: () => Promise.reject(new TypeError("Connection refused")),
    now: () => 0,
    label: "test",
    mayConnect: () => true,
    persist: () => Promise.resolve(true),
    deleteFiles: () => Promise.resolve(),
    push: new FakeDevicePush({ isAllowed: false }),
    go: () => {},
  }, { store: new HomeStore(makeStorage().storage), mark: { has: () => false, set() {}, remove() {} } });
}

Deno.test("App.notify() shows no message that refers to the open screen, and removes it when that is opened", async () => {
  const app = makeApp();
  const texts = () => app.notices.value.map(({ text }) => text);
  await app.follow({ screen: "device", rest: [] });
  app.notify("missed", { refersTo: "device" });
  assertEquals(texts(), []);
  await app.follow(undefined);
  app.notify("missed", { refersTo: "device" });
  app.notify("paired");
  assertEquals(texts(), ["missed", "paired"]);
  await app.follow({ screen: "device", rest: [] });
  assertEquals(texts(), ["paired"]);
});
