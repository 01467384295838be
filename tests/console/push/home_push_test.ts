/** Push messages of an open home, with a browser and sealed requests to gateways in memory. */
import { assertEquals, assertRejects } from "@std/assert";
import { UnreachableError } from "../../../src/client/gateway_client.ts";
import { Connection } from "../../../src/console/connection/connection.ts";
import { HomeStore } from "../../../src/console/homes/home_store.ts";
import { HomePush } from "../../../src/console/push/home_push.ts";
import { keepPush } from "../../../src/console/push/keep_push.ts";
import { noteShown } from "../../../src/console/push/shown_ids.ts";
import { RegistrationError } from "../../../src/console/push/registration.ts";
import { FakeDevicePush, FakeGatewayPush, makeHome, pushFetch } from "../support/push.ts";
import { makeStorage } from "../support/storage.ts";

/** Makes a device with two homes of one gateway, the first of which is open in two tabs. */
async function makeDevice() {
  const store = new HomeStore(makeStorage().storage);
  const homes = [await makeHome(1), await makeHome(2)] as const;
  for (const home of homes) await store.save(home);
  const [gateway, second] = [new FakeGatewayPush(), new FakeGatewayPush()];
  const push = new FakeDevicePush({ isAllowed: true });
  const fetch = pushFetch(new Map([[1, gateway], [2, second]]));
  const told: string[] = [];
  const app = {
    ...{ store, browser: { push, fetch, label: "Chrome", now: () => 5000 } },
    language: { peek: () => "en" as const, value: "en" as const },
    notify: (text: string) => void told.push(text),
  };
  const connect = (home = homes[0]) => new Connection({ home, fetch });
  const tab = () => new HomePush(app, connect());
  const keep = () => keepPush(app, connect());
  const other = new HomePush(app, connect(homes[1]));
  return { store, home: homes[0], gateway, second, push, told, tab, keep, other };
}

const alert = (id: string, timestamp: number) => {
  return { id, title: id, body: "", actions: [], urgency: "normal", tag: id, timestamp } as const;
};

Deno.test("HomePush.turnOn() subscribes browser and gateway, and turnOff() ends both", async () => {
  const { tab, gateway, push: { browser } } = await makeDevice();
  const push = tab();
  await push.turnOn();
  assertEquals([...gateway.endpoints], [["id-1", "https://push.example/1"]]);
  assertEquals((await push.recall()).isOn, true);
  await push.turnOff();
  assertEquals([gateway.endpoints.size, browser.current, (await push.recall()).isOn], [0, null, false]);
});

Deno.test("HomePush.turnOn() is refused without permission, and changes nothing while the gateway is unreachable", async () => {
  const { tab, gateway, push: device } = await makeDevice();
  const push = tab();
  gateway.isReachable = false;
  await assertRejects(() => push.turnOn(), UnreachableError);
  gateway.isReachable = true;
  device.isAllowed = false;
  const { reason } = await assertRejects(() => push.turnOn(), RegistrationError);
  assertEquals([reason, gateway.endpoints.size, device.browser.made, (await push.recall()).isOn], [
    "denied",
    0,
    0,
    false,
  ]);
});

Deno.test("HomePush.turnOff() leaves push messages on when the gateway does not answer, as it would go on", async () => {
  const { tab, gateway, push: { browser } } = await makeDevice();
  const push = tab();
  await push.turnOn();
  gateway.isReachable = false;
  await assertRejects(() => push.turnOff(), UnreachableError);
  assertEquals([(await push.recall()).isOn, browser.current === null], [true, false]);
});

Deno.test("HomePush.recall() is off while the permission is revoked, when turnOff() still reaches the gateway", async () => {
  const { tab, gateway, push: device } = await makeDevice();
  const push = tab();
  await push.turnOn();
  device.isAllowed = false;
  device.browser.current = null;
  assertEquals((await push.recall()).isOn, false);
  await push.keep();
  assertEquals([gateway.endpoints.size, device.browser.current], [1, null]);
  await push.turnOff();
  device.isAllowed = true;
  assertEquals([gateway.endpoints.size, (await push.recall()).isOn], [0, false]);
});

for (
  const [cause, change] of [
    ["the browser has lost its subscription", ({ push: { browser } }: Device) => browser.current = null],
    ["the gateway has a new key for push services", ({ gateway, second }: Device) => {
      gateway.publicKey = second.publicKey = "BAUG";
    }],
  ] as const
) {
  Deno.test(`HomePush.keep() and keepOthers() register all homes again when ${cause}`, async () => {
    const device = await makeDevice();
    const push = device.tab();
    await push.turnOn();
    await device.other.turnOn();
    change(device);
    await push.keep();
    await push.keepOthers();
    const endpoints = [[...device.gateway.endpoints.values()], [...device.second.endpoints.values()]];
    assertEquals(endpoints, [["https://push.example/2"], ["https://push.example/2"]]);
  });
}

type Device = Awaited<ReturnType<typeof makeDevice>>;

Deno.test("HomePush.keep() registers again once a gateway that was unreachable answers, and nothing that is off", async () => {
  const { tab, gateway, push: { browser } } = await makeDevice();
  const push = tab();
  await push.keep();
  assertEquals(browser.made, 0);
  await push.turnOn();
  browser.current = null;
  gateway.isReachable = false;
  await assertRejects(() => push.keep(), UnreachableError);
  gateway.isReachable = true;
  await push.keep();
  assertEquals([...gateway.endpoints.values()], ["https://push.example/2"]);
});

Deno.test("HomePush.keep() of one tab does not turn on again what another tab turns off", async () => {
  const { tab, gateway, push: { browser } } = await makeDevice();
  const tabs = [tab(), tab()];
  await tabs[0]?.turnOn();
  browser.current = null;
  await Promise.all([tabs[0]?.turnOff(), tabs[1]?.keep()]);
  assertEquals([gateway.endpoints.size, browser.current, (await tabs[1]?.recall())?.isOn], [0, null, false]);
});

Deno.test("HomePush.remove() of this device turns its push messages off, and of another one removes only that", async () => {
  const { tab, gateway } = await makeDevice();
  const push = tab();
  await push.turnOn();
  const id = await gateway.pushSubscribe({ endpoint: "https://push.example/phone" });
  await push.remove(id);
  assertEquals([gateway.endpoints.size, (await push.recall()).isOn], [1, true]);
  await push.remove((await push.recall()).id ?? "");
  assertEquals([gateway.endpoints.size, (await push.recall()).isOn], [0, false]);
});

Deno.test("HomePush.missed() lists alerts until they are marked as seen, and keepPush() tells each of them once", async () => {
  const { tab, keep, gateway, store, home, told } = await makeDevice();
  const push = tab();
  gateway.alerts = [alert("before", 1)];
  await keep();
  await push.turnOn();
  await noteShown(store, home, "shown");
  gateway.alerts = [...gateway.alerts, alert("shown", 6), alert("first", 7)];
  await keep();
  await keep();
  gateway.alerts = [...gateway.alerts, alert("second", 8)];
  await Promise.all([keep(), keep()]);
  assertEquals(told, Array(2).fill("1 alert was missed. “This device” lists them."));
  const missed = await push.missed();
  assertEquals(missed.map(({ id }) => id), ["second", "first"]);
  await push.markSeen(missed);
  assertEquals(await push.missed(), []);
});

Deno.test("keepPush() tells nothing of alerts that the screen has listed, and nothing while the gateway is unreachable", async () => {
  const { tab, keep, gateway, told } = await makeDevice();
  const push = tab();
  await push.turnOn();
  gateway.alerts = [alert("listed", 7)];
  assertEquals(await push.markReported(await push.missed()), 1);
  await keep();
  gateway.isReachable = false;
  await keep();
  assertEquals(told, []);
});
