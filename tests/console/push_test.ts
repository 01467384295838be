/** Push messages in a real browser: from a message of the broker to the notification, its button, and what was missed. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { CDPSession, Page } from "playwright-core";
import { z } from "zod";
import { HAS_OPENSSL } from "../support/certificate.ts";
import { until } from "../support/deadline.ts";
import { TestPushService, type TestSubscription } from "../support/push_service.ts";
import { inTempDir } from "../support/temp_dir.ts";
import { EVERYTHING, startActionsHome } from "./support/actions_home.ts";
import { testPage, useBrowser } from "./support/browser.ts";
import { makeLink, runKeys } from "./support/pairing.ts";

const openPage = useBrowser();

/** Script that gives the page a subscription, as there is no push service of the browser without the network. */
function stubPush(subscription: TestSubscription): string {
  return `globalThis.stubbed = { isOn: false };
    PushManager.prototype.getSubscription = function () { return Promise.resolve(stubbed.isOn ? stubbed.subscription : null); };
    PushManager.prototype.subscribe = function ({ applicationServerKey }) {
      const key = Uint8Array.from(atob(applicationServerKey.replaceAll("-", "+").replaceAll("_", "/")), (text) => text.charCodeAt(0));
      stubbed.isOn = true;
      stubbed.subscription = {
        endpoint: ${JSON.stringify(subscription.endpoint)},
        options: { applicationServerKey: key.buffer },
        toJSON: () => (${JSON.stringify(subscription)}),
        unsubscribe: () => Promise.resolve(!(stubbed.isOn = false)),
      };
      return Promise.resolve(stubbed.subscription);
    };`;
}

/** Returns the function that gives a message to the page's service worker, as a push service does. */
async function deliverer(page: Page): Promise<(text: string) => Promise<void>> {
  const devtools: CDPSession = await page.context().newCDPSession(page);
  let registrationId = "";
  devtools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
    registrationId = registrations.find(({ isDeleted }) => !isDeleted)?.registrationId ?? registrationId;
  });
  await devtools.send("ServiceWorker.enable");
  await until("the service worker", () => registrationId !== "");
  const { origin } = new URL(page.url());
  return async (text) => {
    await devtools.send("ServiceWorker.deliverPushMessage", { origin, registrationId, data: text });
  };
}

/** Returns the titles and texts of the notifications that are shown. */
async function shown(page: Page): Promise<readonly string[]> {
  return z.array(z.string()).parse(
    await page.evaluate(`navigator.serviceWorker.ready.then(async (registration) =>
    (await registration.getNotifications()).map(({ title, body }) => title + " | " + body).sort())`),
  );
}

/** Presses a notification, or a button of it: by hand, as browsers offer tests no other way. */
async function press(page: Page, title: string, action = ""): Promise<void> {
  const [worker] = page.context().serviceWorkers();
  if (worker === undefined) throw new Error("The page has no service worker");
  await worker.evaluate(`(async () => {
    const notifications = await registration.getNotifications();
    const notification = notifications.find(({ title }) => title === ${JSON.stringify(title)});
    const event = new NotificationEvent("notificationclick", { notification, action: ${JSON.stringify(action)} });
    let work;
    Object.defineProperty(event, "waitUntil", { value: (promise) => work = promise });
    dispatchEvent(event);
    // Only a real press may bring a window to the front.
    await work.catch((error) => error.name === "InvalidAccessError" || Promise.reject(error));
  })()`);
}

testPage(
  "a device is told of an event while it sleeps, runs a button, and lists what it missed",
  () =>
    inTempDir(async (directory) => {
      await using service = await TestPushService.startIn(directory);
      await using home = await startActionsHome({ PUSH_ALLOWED_HOSTS: service.host }, [
        `--cert=${directory}/cert.pem`,
      ]);
      await home.changeServices("    confirm: Open it now?\n", "");
      const link = await makeLink(home, "pair", "sleeper", ...EVERYTHING);
      await using opened = await openPage(link, { permissions: ["notifications"] });
      const { page } = opened;
      await page.locator(".screen h1").waitFor();
      const stub = stubPush(service.subscribe());
      await page.addInitScript(stub);
      await page.evaluate(stub);
      await page.locator(".nav a", { hasText: "device" }).click();

      await page.evaluate(`{
        globalThis.held = Promise.withResolvers();
        void navigator.locks.request("e2e-gateway push", () => held.promise);
        const { timeout } = AbortSignal;
        AbortSignal.timeout = () => timeout.call(AbortSignal, 1);
      }`);
      await page.getByRole("switch", { name: "On this device" }).click();
      await page.getByText("Another tab of this page is changing notifications").waitFor();
      await page.evaluate("held.resolve()");
      await page.reload();
      await page.getByRole("switch", { name: "On this device" }).click();
      await page.locator(".homes .tag", { hasText: "this device" }).waitFor();
      const deliver = await deliverer(page);
      await page.getByRole("button", { name: "Send a test" }).click();
      await service.until(1);
      await deliver(service.received[0]?.text ?? "");
      await until("the test", async () => (await shown(page)).length === 1);
      assertMatch((await shown(page))[0] ?? "", /^Test \|/);

      await page.getByRole("button", { name: "Add a rule" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Topics").fill("test/door");
      await dialog.getByLabel("Tell me when it").selectOption("matches");
      await dialog.getByLabel("Pattern").fill("*open*");
      await dialog.getByRole("switch", { name: "Only the first" }).click();
      await dialog.getByRole("checkbox", { name: "Open the gate" }).check();
      await dialog.getByRole("button", { name: "Save" }).click();
      await dialog.locator(".fault", { hasText: "must be a text of 1 to 200 characters" }).waitFor();
      assertEquals(await opened.checkLooks("push-rule"), []);
      await dialog.getByLabel("Title").fill("Door: {value}");
      await dialog.getByRole("button", { name: "Save" }).click();
      await dialog.waitFor({ state: "detached" });
      await page.getByText("test/door is like “*open*”").waitFor();

      await page.getByRole("button", { name: "Français" }).click();
      await page.getByRole("button", { name: "Ajouter une règle" }).click();
      await dialog.getByLabel("Titre").fill("{");
      await dialog.getByRole("button", { name: "Enregistrer" }).click();
      await dialog.locator(".fault", { hasText: "Indiquez des sujets" }).waitFor();
      assertEquals(await opened.checkLooks("push-rule-french"), []);
      await dialog.getByLabel("Sujets").fill("test/door");
      await dialog.getByRole("button", { name: "Enregistrer" }).click();
      await dialog.locator(".fault", { hasText: "Indiquez un titre" }).waitFor();
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
      await page.getByRole("button", { name: "English" }).click();

      const { client } = home.gateway;
      const told = (text: string) => service.received.find((push) => push.text.includes(text))?.text;
      await until("the alert", async () => {
        await client.publish("test/door", "open");
        return told("Door: open") !== undefined;
      });
      const alert = told("Door: open") ?? "";
      await deliver(alert);
      await deliver(alert);
      await deliver("{}");
      await until("the alert", async () => (await shown(page)).length === 3);
      assertEquals((await shown(page)).filter((text) => text.startsWith("Door: open")), ["Door: open | open"]);
      assert((await shown(page)).some((text) => text.startsWith("News from home")));

      const gate: string[] = [];
      const stop = new AbortController();
      const listening = (async () => {
        for await (const event of client.subscribe(["test/gate/set"], { signal: stop.signal })) {
          gate.push(event.type === "message" ? event.payload ?? "" : event.type);
        }
      })().catch(() => {});
      await until("the stream", () => gate.includes("connected"));
      await press(page, "Door: open", "open-gate");
      await until("the gate to be opened", () => gate.includes("OPEN"));
      await until("the outcome", async () => (await shown(page)).includes("Open the gate | Done"));

      await home.changeServices("    icon: gate\n", "    icon: gate\n    confirm: Open it now?\n");
      await deliver(alert);
      await until("the alert", async () => (await shown(page)).includes("Door: open | open"));
      await press(page, "Door: open", "open-gate");
      const question = page.getByRole("dialog").filter({ hasText: "Open it now?" });
      await question.waitFor();
      await question.locator("button:focus", { hasText: "Cancel" }).waitFor();
      assertEquals(gate.filter((text) => text === "OPEN"), ["OPEN"]);
      assertMatch(page.url(), /#\/home$/);
      // The browser lets this press, which no person made, bring no window to the front.
      assert((await shown(page)).includes("Open the gate | Not run yet: press here to confirm it on the page."));
      await question.getByRole("button", { name: "Cancel" }).click();
      await press(page, "Open the gate");
      assertEquals(await opened.checkLooks("push-question"), []);
      await question.getByRole("button", { name: "Run" }).click();
      await until("the gate to be opened again", () => gate.filter((text) => text === "OPEN").length === 2);
      stop.abort();
      await listening;

      await client.publish("test/door", "wide open");
      await until("the next alert", () => told("Door: wide open") !== undefined);
      await page.goto(`${home.url}#/home`);
      await page.reload();
      await page.locator(".toast", { hasText: "missed" }).waitFor();
      await press(page, "News from home");
      await page.locator(".nav a", { hasText: "device" }).and(page.locator("[aria-current]")).waitFor();
      await page.goto(`${home.url}#/home`);
      await press(page, "Test");
      await page.waitForURL(/#\/device\/alerts\/[0-9a-f]+$/);
      const missed = page.getByRole("region", { name: "Missed alerts" });
      await missed.getByText("Door: wide open").waitFor();
      assertEquals(await page.locator(".toast", { hasText: "missed" }).count(), 0);
      assertEquals(await opened.checkLooks("push"), []);
      await missed.getByRole("button", { name: "Mark as seen" }).click();
      await missed.waitFor({ state: "detached" });
      await page.reload();
      await page.locator(".homes .tag", { hasText: "this device" }).waitFor();
      assertEquals(await missed.count(), 0);

      await runKeys(home, "remove", "sleeper");
      await until("the key to be refused", async () => {
        await page.getByRole("button", { name: "Send another one" }).click();
        return await page.getByText("Key not accepted").count() > 0;
      });
      await page.goto(await makeLink(home, "pair", "sleeper-again", ...EVERYTHING));
      await page.getByText("Paired as “sleeper-again”").waitFor();
      await page.locator(".nav a", { hasText: "device" }).click();
      await page.locator(".homes .tag", { hasText: "this device" }).waitFor();
      assertEquals(await page.getByRole("switch", { name: "On this device" }).isChecked(), true);
      const [sent, before] = [service.received.length, await shown(page)];
      await page.getByRole("button", { name: "Send a test" }).click();
      await service.until(sent + 1);
      await deliver(service.received[sent]?.text ?? "");
      await until("the test", async () => (await shown(page)).length === before.length + 1);
      await page.getByRole("switch", { name: "On this device" }).click();
      await page.getByText("No device of this key").waitFor();
      await page.getByRole("button", { name: "Forget this device" }).click();
      await page.locator("dialog[open]").getByRole("button", { name: "Forget this device" }).click();
      await page.getByRole("heading", { name: "Pair this device" }).waitFor();
      assertEquals(await shown(page), before);
      assertEquals(opened.faults.filter((fault) => !/: 40[01] /.test(fault) && !/status of 40[01]/.test(fault)), []);
    }),
  { openssl: HAS_OPENSSL },
);
