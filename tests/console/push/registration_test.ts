import { assertEquals, assertRejects } from "@std/assert";
import { Mutex } from "../../../src/lib/async.ts";
import { HomeStore } from "../../../src/console/homes/home_store.ts";
import { changePush, readPushMemory, recallPush } from "../../../src/console/push/push_memory.ts";
import {
  homesWithPush,
  register,
  RegistrationError,
  unregister,
  unsubscribeUnused,
} from "../../../src/console/push/registration.ts";
import { FakeBrowserPush, FakeGatewayPush, makeHome } from "../support/push.ts";
import { makeStorage } from "../support/storage.ts";

/** Makes a device with two homes of one gateway, and one of another. */
async function makeDevice() {
  const store = new HomeStore(makeStorage().storage);
  const homes = await Promise.all([makeHome(1), makeHome(2), makeHome(3, "https://other.example")]);
  for (const home of homes) await store.save(home);
  const [first, second, other] = homes;
  const [gateway, browser] = [new FakeGatewayPush(), new FakeBrowserPush()];
  const mutex = new Mutex();
  const runExclusive = <T>(work: () => Promise<T>) => mutex.runExclusive(work);
  return { store, first, second, other, gateway, browser, label: "Chrome", now: () => 5000, runExclusive };
}

Deno.test("register() subscribes the browser and the gateway once, and remembers when that was", async () => {
  const { first: home, ...device } = await makeDevice();
  await register({ ...device, home });
  await register({ ...device, home });
  assertEquals([...device.gateway.endpoints], [["id-1", "https://push.example/1"]]);
  const expected = { isOn: true, id: "id-1", endpoint: "https://push.example/1", seenUntil: 5, reportedUntil: 0 };
  assertEquals(await recallPush(device.store, home), expected);
});

Deno.test("register() subscribes again when the gateway has lost the subscription", async () => {
  const { first: home, ...device } = await makeDevice();
  await register({ ...device, home });
  device.gateway.endpoints.clear();
  await register({ ...device, home, now: () => 9000 });
  assertEquals([...device.gateway.endpoints], [["id-2", "https://push.example/1"]]);
  assertEquals((await recallPush(device.store, home)).seenUntil, 5);
});

Deno.test("register() replaces the subscription when the push service gave another endpoint", async () => {
  const { first: home, ...device } = await makeDevice();
  await register({ ...device, home });
  device.browser.current = null;
  await register({ ...device, home });
  assertEquals([...device.gateway.endpoints], [["id-2", "https://push.example/2"]]);
});

Deno.test("register() replaces the subscription also when the key has as many as it may", async () => {
  const { first: home, ...device } = await makeDevice();
  await register({ ...device, home });
  while (device.gateway.endpoints.size < device.gateway.max) {
    await device.gateway.pushSubscribe({ endpoint: `https://push.example/of-phone-${device.gateway.endpoints.size}` });
  }
  device.browser.current = null;
  await register({ ...device, home });
  assertEquals([...device.gateway.endpoints.values()].slice(-1), ["https://push.example/2"]);
});

Deno.test("register() subscribes the browser again when the gateway has another public key", async () => {
  const { first: home, ...device } = await makeDevice();
  await register({ ...device, home });
  device.gateway.publicKey = "BAUG";
  await register({ ...device, home });
  assertEquals([...device.gateway.endpoints.values()], ["https://push.example/2"]);
});

Deno.test("register() of two tabs at once leaves one subscription, which the gateway has", async () => {
  const { first: home, gateway, browser, ...device } = await makeDevice();
  const options = { ...device, home, gateway, browser };
  await register(options);
  gateway.publicKey = "BAUG";
  // A tab that ends the old subscription late would end the new one, as a browser has only one.
  const end = browser.current?.unsubscribe;
  let ended = 0;
  Object.assign(browser.current ?? {}, {
    async unsubscribe() {
      ended += 1;
      while (ended > 1 && browser.made === 1) await Promise.resolve();
      return await end?.();
    },
  });
  await Promise.all([register(options), register(options)]);
  assertEquals([...gateway.endpoints], [[(await recallPush(device.store, home)).id, browser.current?.endpoint]]);
});

Deno.test("register() leaves the browser's subscription to the gateway that has it, and makes none without a public key", async () => {
  const { first, other, ...device } = await makeDevice();
  await register({ ...device, home: first });
  const gateway = new FakeGatewayPush();
  gateway.publicKey = "BAUG";
  const { reason } = await assertRejects(() => register({ ...device, home: other, gateway }), RegistrationError);
  assertEquals([reason, device.browser.made, (await recallPush(device.store, other)).isOn], [
    "other_gateway",
    1,
    false,
  ]);
  device.browser.current = null;
  const lost = await assertRejects(() => register({ ...device, home: other, gateway }), RegistrationError);
  assertEquals([lost.reason, device.browser.current], ["other_gateway", null]);
  gateway.publicKey = undefined;
  const off = await assertRejects(() => register({ ...device, home: other, gateway }), RegistrationError);
  assertEquals(off.reason, "gateway_off");
});

Deno.test("unregister() ends the browser's subscription with the last home that uses it", async () => {
  const { first, second, ...device } = await makeDevice();
  await register({ ...device, home: first });
  const other = new FakeGatewayPush();
  await register({ ...device, home: second, gateway: other });
  assertEquals(device.browser.made, 1);
  assertEquals((await homesWithPush(device.store)).map(({ name }) => name), ["phone-1", "phone-2"]);
  await unregister({ ...device, home: first });
  assertEquals([device.gateway.endpoints.size, device.browser.current === null], [0, false]);
  await unsubscribeUnused(device);
  assertEquals(device.browser.current === null, false);
  await device.store.forget(second);
  await unsubscribeUnused(device);
  assertEquals(device.browser.current, null);
});

Deno.test("readPushMemory() takes anything malformed as off", async () => {
  for (const value of [undefined, null, "on", { isOn: 1, id: 2, endpoint: [], seenUntil: "0", reportedUntil: null }]) {
    const { isOn, id, endpoint, seenUntil, reportedUntil } = readPushMemory(value);
    assertEquals([isOn, id, endpoint, seenUntil, reportedUntil], [false, undefined, undefined, 0, 0]);
  }
  const { store, first } = await makeDevice();
  await changePush(store, first, () => ({ isOn: true, seenUntil: 7, reportedUntil: 0 }));
  await store.forget(first);
  assertEquals((await recallPush(store, first)).isOn, false);
});
