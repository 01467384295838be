/** The page of a real gateway: pairing, actions, pins, this device, and what happens when something is gone. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { until } from "../support/deadline.ts";
import { EVERYTHING, startActionsHome } from "./support/actions_home.ts";
import { type OpenedPage, type OpenOptions, testPage, useBrowser } from "./support/browser.ts";
import { makeLink, runKeys } from "./support/pairing.ts";
import { useHome } from "./support/shared_home.ts";

const openPage = useBrowser();

const theHome = useHome(startActionsHome);
let keys = 0;

/** Opens the page by a new pairing link. */
async function openPaired(rights: readonly string[] = EVERYTHING, options: OpenOptions = {}): Promise<
  OpenedPage & { readonly name: string; readonly link: string }
> {
  keys += 1;
  const name = `device-${keys}`;
  const link = await makeLink(theHome(), "pair", name, ...rights);
  const opened = await openPage(link, options);
  await opened.page.locator(".screen h1").waitFor();
  return { ...opened, name, link };
}

/** Returns the topics and payloads that the broker gets from now on. */
async function listen(filter: string): Promise<{ readonly messages: string[]; readonly stop: () => void }> {
  const messages: string[] = [];
  const stop = new AbortController();
  const { client } = theHome().gateway;
  await new Promise<void>((resolve) => {
    (async () => {
      for await (const event of client.subscribe([filter], { signal: stop.signal })) {
        if (event.type === "connected") resolve();
        if (event.type === "message" && !event.retain) messages.push(`${event.topic} ${event.payload}`);
      }
    })().catch(() => {});
  });
  return { messages, stop: () => stop.abort() };
}

const tile = (page: Page, label: string) => page.locator(".actions .tile, .guest .tile", { hasText: label });

testPage(
  "a pairing link pairs the device, leaves no code in the address, and keeps a key that scripts cannot read",
  async () => {
    await using opened = await openPaired();
    const { page, name } = opened;
    await tile(page, "Open the gate").waitFor();
    assertEquals(new URL(page.url()).hash, "#/home");
    await page.goBack().catch(() => {});
    assert(!page.url().includes("pair="));
    await page.goto(`${theHome().url}#/home`);
    await tile(page, "Open the gate").waitFor();
    const outcome = await page.evaluate(`new Promise((resolve, reject) => {
    const request = indexedDB.open("e2e-gateway");
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const all = request.result.transaction("console").objectStore("console").getAll();
      all.onsuccess = () => {
        const { key } = all.result.find((value) => value?.key instanceof CryptoKey);
        crypto.subtle.exportKey("raw", key).then(
          () => resolve("it was read"),
          () => resolve(key.extractable ? "it is extractable" : "it cannot be read"),
        );
      };
    };
  })`);
    assertEquals(outcome, "it cannot be read");
    assertMatch(await runKeys(theHome(), "list"), new RegExp(name));
    assertEquals(opened.faults, []);
  },
);

testPage("a link that was used is refused elsewhere, and opens its home where it was used", async () => {
  await using first = await openPaired();
  const again = await first.page.context().newPage();
  await again.addInitScript(`globalThis.hashes = [];
    const send = fetch;
    globalThis.fetch = (...request) => {
      hashes.push(location.hash);
      return send(...request);
    };`);
  await again.goto(first.link);
  await again.getByText("used before").first().waitFor();
  await tile(again, "Heating").waitFor();
  assertEquals(
    new Set(String(await again.evaluate("hashes.map((hash) => hash.slice(0, 6)).join()")).split(",")),
    new Set(["", "#/home"]),
  );
  await again.close();
  await using second = await openPage(first.link);
  await second.page.locator(".alert").waitFor();
  assertMatch(await second.page.locator(".alert").innerText(), /used|ten minutes/);
  assert(!second.page.url().includes("pair="));
  assertEquals(await second.checkAccessibility(), []);
});

testPage("a pasted link pairs the device, and one that is malformed is explained", async () => {
  const link = await makeLink(theHome(), "pair", "pasted", ...EVERYTHING);
  await using opened = await openPage(theHome().url);
  const field = opened.page.locator(".paste input");
  await field.fill("https://home.example/");
  await field.press("Enter");
  await opened.page.locator(".alert").waitFor();
  assertMatch(await opened.page.locator(".alert").innerText(), /not a pairing link/);
  await field.fill("https://other.example/#pair=AAECAwQFBgcICQoLDA0ODw");
  await field.press("Enter");
  await opened.page.getByText("another gateway").waitFor();
  await field.fill(link);
  await field.press("Enter");
  await tile(opened.page, "Heating").waitFor();
  assertEquals(opened.faults, []);
});

testPage("an action with a question runs when its button is held, and asks when it is pressed by key", async () => {
  await using opened = await openPaired();
  const { page } = opened;
  const { messages, stop } = await listen("test/gate/set");
  const gate = tile(page, "Open the gate");
  await gate.waitFor();
  await gate.hover();
  await page.mouse.down();
  await until("the gate to be opened", () => messages.length === 1);
  await page.mouse.up();
  await gate.getByText("Done").waitFor();
  await page.locator(".tile.idle", { hasText: "Open the gate" }).waitFor();

  await gate.focus();
  await page.keyboard.press("Enter");
  const dialog = page.locator("dialog[open]");
  assertMatch(await dialog.innerText(), /Open it now\?/);
  assertEquals(await opened.checkAccessibility(), []);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assertEquals(messages.length, 1);
  await page.locator("button:focus", { hasText: "Open the gate" }).waitFor();
  await page.keyboard.press("Enter");
  await dialog.getByRole("button", { name: "Run" }).click();
  await until("the gate to be opened again", () => messages.length === 2);
  assertEquals(messages, ["test/gate/set OPEN", "test/gate/set OPEN"]);
  stop();
  assertEquals(opened.faults, []);
});

testPage(
  "slider, switch, choice and form send their values, show the state that follows, and count a cool-down",
  async () => {
    await using opened = await openPaired();
    const { page } = opened;
    const { messages, stop } = await listen("test/+");
    await tile(page, "Heating").waitFor();
    const slider = page.locator("input[type=range]");
    await slider.focus();
    await slider.fill("20.5");
    await until("the heating to be set", () => messages.includes("test/heating 20.5"));
    await tile(page, "Heating").getByText("20.5°").first().waitFor();
    const light = page.getByRole("switch", { name: "Living-room light" });
    await light.focus();
    await page.keyboard.press("Space");
    await until("the light to be switched", () => messages.includes("test/light true"));
    await page.locator(".toggle.on", { hasText: "Living-room light" }).waitFor();
    assert(await light.isChecked());
    await page.getByRole("button", { name: "half" }).click();
    await until("the blinds to move", () => messages.includes("test/blinds half"));
    await tile(page, "Say something").click();
    await page.getByLabel("Text").fill("Dinner \u202e is ready");
    await page.getByRole("switch", { name: "Everywhere" }).check({ force: true });
    await page.getByRole("button", { name: "Run" }).click();
    await until("the text to be said", () => messages.some((message) => message.startsWith("test/announce")));
    assert(messages.includes(`test/announce ${JSON.stringify({ text: "Dinner \u202e is ready", loud: true })}`));
    const coolDown = tile(page, "Blinds").getByText("Ready again in");
    await coolDown.waitFor();
    const before = await coolDown.innerText();
    await until("the seconds to be counted", async () => await coolDown.innerText() !== before);
    assertEquals(await page.getByRole("button", { name: /^open$/i }).getAttribute("aria-disabled"), "true");
    stop();
    assertEquals(opened.faults, []);
  },
);

testPage("an action whose answer never comes is reported as not known", async () => {
  await using opened = await openPaired();
  const { page } = opened;
  const gate = tile(page, "Open the gate");
  await gate.waitFor();
  await gate.focus();
  await page.keyboard.press("Enter");
  const run = page.locator("dialog[open]").getByRole("button", { name: "Run" });
  await run.waitFor();
  // Not before: other requests of the page would show it as offline, which runs nothing.
  await page.route("**/gateway", (route) => route.abort("connectionreset"));
  await run.click();
  await gate.getByText("not known whether it ran").waitFor();
});

testPage("pinned values are chosen out of what the key may read, and follow their topics", async () => {
  await using opened = await openPaired();
  const { page } = opened;
  const { client } = theHome().gateway;
  await page.getByRole("button", { name: "Choose values" }).click();
  await client.publish("test/attic/temperature", "21.5", { retain: true });
  const candidate = page.locator(".candidate", { hasText: "test/attic/temperature" });
  await candidate.click();
  assertEquals(await opened.checkAccessibility(), []);
  await page.getByRole("button", { name: "Done" }).click();
  const pin = page.locator(".pin", { hasText: "Attic temperature" });
  await pin.getByText("21.5").waitFor();
  await client.publish("test/attic/temperature", "22.25", { retain: true });
  await pin.getByText("22.25").waitFor();
  assertMatch(await pin.innerText(), /°C/);
  await page.reload();
  await pin.getByText("22.25").waitFor();
  await client.publish("test/attic/temperature", null, { retain: true });
  assertEquals(opened.faults, []);
});

testPage(
  "the first measurements are pinned by themselves until pins are chosen, also none",
  async () => {
    const { client } = theHome().gateway;
    await client.publish("test/cellar/temperature", "9.5", { retain: true });
    await using opened = await openPaired();
    const { page } = opened;
    const pin = page.locator(".pin", { hasText: "Cellar temperature" });
    await pin.getByText("9.5").waitFor();
    await page.getByRole("button", { name: "Edit" }).click();
    await page.locator(".candidate", { hasText: "test/cellar/temperature" }).click();
    await client.publish("test/cellar/temperature", null, { retain: true });
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByRole("button", { name: "Choose values" }).waitFor();
    await page.reload();
    await page.getByRole("button", { name: "Choose values" }).waitFor();
    await client.publish("test/cellar/temperature", null, { retain: true });
    assertEquals(opened.faults, []);
  },
);

testPage(
  "a gateway that was killed shows as offline, the page opens without it, and goes on when it is back",
  async () => {
    await using opened = await openPaired();
    const { page } = opened;
    await tile(page, "Heating").waitFor();
    await page.evaluate("navigator.serviceWorker.ready.then(() => undefined)");
    await theHome().kill();
    try {
      await page.locator(".pill.offline").waitFor({ timeout: 60_000 });
      await page.reload();
      await page.locator(".pill.offline").waitFor();
      assertMatch(await page.locator(".pill").innerText(), /Offline\s+since/);
      await tile(page, "Heating").waitFor();
      assertEquals(await opened.checkAccessibility(), []);
      await opened.screenshot("offline");
    } finally {
      // The other tests need it.
      await theHome().restart();
    }
    await page.locator(".pill.live").waitFor({ timeout: 60_000 });
  },
);

testPage("a key that was removed is reported by the page, which offers to pair again", async () => {
  await using opened = await openPaired();
  const { page, name } = opened;
  await tile(page, "Heating").waitFor();
  await runKeys(theHome(), "remove", name);
  await page.getByRole("heading", { name: "does not accept this key" }).waitFor({ timeout: 60_000 });
  assertEquals(await opened.checkAccessibility(), []);
  await opened.screenshot("revoked");
  await page.getByRole("button", { name: "Pair again" }).click();
  await page.locator(".paste input").fill(await makeLink(theHome(), "pair", `${name}-again`, ...EVERYTHING));
  await page.keyboard.press("Enter");
  await tile(page, "Heating").waitFor();
  await page.goto(`${theHome().url}#/device`);
  await page.locator(".homes li").first().waitFor();
  assertEquals(await page.locator(".homes li").count(), 1);
});

testPage("a device that is forgotten deletes its key here and at the gateway", async () => {
  await using opened = await openPaired();
  const { page, name } = opened;
  await page.goto(`${theHome().url}#/device`);
  await page.getByRole("button", { name: "Forget this device" }).click();
  await page.locator("dialog[open]").getByRole("button", { name: "Forget this device" }).click();
  await page.getByText("removed at the gateway").first().waitFor();
  await page.getByRole("heading", { name: "Pair this device" }).waitFor();
  assert(!(await runKeys(theHome(), "list")).includes(`${name} `));
  const left = await page.evaluate(`new Promise((resolve) => {
    indexedDB.open("e2e-gateway").onsuccess = ({ target }) => {
      const keys = target.result.transaction("console").objectStore("console").getAllKeys();
      keys.onsuccess = () => resolve(keys.result.filter((key) => !key.startsWith("preference/")));
    };
  })`);
  assertEquals(left, []);
  await until("the page's own files to be deleted", async () => {
    const rest = await page.evaluate(`caches.keys().then((names) => names.length + Object.keys(localStorage).length)`);
    return rest === 0;
  });
  // Requests that were under way when the key went get 401.
  assertEquals(opened.faults.filter((fault) => !/\b401\b/.test(fault)), []);
});

testPage("a device that is forgotten while the gateway cannot be reached says what remains", async () => {
  await using opened = await openPaired();
  const { page, name } = opened;
  await page.goto(`${theHome().url}#/device`);
  await page.route("**/gateway", (route) => route.abort("connectionrefused"));
  await page.getByRole("button", { name: "Forget this device" }).click();
  await page.locator("dialog[open]").getByRole("button", { name: "Forget this device" }).click();
  await page.getByText(`keys remove ${name}`).first().waitFor();
});

testPage("two homes are listed, and each opens with its own rights", async () => {
  await using opened = await openPaired();
  const { page, name } = opened;
  await tile(page, "Heating").waitFor();
  const link = await makeLink(theHome(), "pair", "second-home", "--action", "light");
  await page.goto(link);
  await tile(page, "Living-room light").waitFor();
  assertEquals(await tile(page, "Heating").count(), 0);
  await page.goto(`${theHome().url}#/device`);
  await page.locator(".homes li", { hasText: name }).getByRole("button").click();
  await page.goto(`${theHome().url}#/home`);
  await tile(page, "Heating").waitFor();
  assertEquals(opened.faults, []);
});

testPage("a guest pass shows one button with what is left, and kind words once it is used up", async () => {
  const options = ["--action", "open-gate", "--expires", "2h", "--uses", "2", "--name", "plumber"];
  await using opened = await openPage(await makeLink(theHome(), "pass", ...options));
  const { page } = opened;
  await page.getByText("2 of 2 left, until").waitFor();
  assertEquals(await page.locator(".tile").count(), 1);
  await opened.screenshot("guest");
  assertEquals(await opened.checkAccessibility(), []);
  for (const next of ["1 of 2 left", "used up"]) {
    await tile(page, "Open the gate").focus();
    await page.keyboard.press("Enter");
    await page.locator("dialog[open]").getByRole("button", { name: "Run" }).click();
    await page.getByText(next).first().waitFor();
  }
  assertEquals(await opened.checkAccessibility(), []);
  assertEquals(opened.faults, []);
});

testPage("a guest pass that ends while its page is open shows nothing to press, and says so", async () => {
  const options = ["--action", "open-gate", "--action", "light", "--expires", "2h", "--name", "visitor"];
  // A clock that was installed stays in its window: options give the page one of its own.
  await using opened = await openPage(await makeLink(theHome(), "pass", ...options), { locale: "en-GB" });
  const { page } = opened;
  await page.locator(".guest .tile").nth(1).waitFor();
  await opened.screenshot("guest-of-two");
  await page.clock.install();
  await page.reload();
  await page.locator(".guest .tile").nth(1).waitFor();
  await page.clock.fastForward("02:01:00");
  await page.getByText("This pass has ended").waitFor();
  assertEquals(await page.locator(".tile").count(), 0);
  await opened.screenshot("guest-ended");
  assertEquals(await opened.checkAccessibility(), []);
});

testPage("the language is chosen on the device, and kept", async () => {
  await using opened = await openPaired();
  const { page } = opened;
  await page.goto(`${theHome().url}#/device`);
  await page.getByRole("button", { name: "Français" }).click();
  await page.getByRole("heading", { name: "Cet appareil", exact: true }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Cet appareil", exact: true }).waitFor();
  assertEquals(await page.evaluate("document.documentElement.lang"), "fr");
  assertEquals(await opened.checkAccessibility(), []);
});

testPage("home and device have no violation of axe's rules, and fit, in every look", async () => {
  await using opened = await openPaired();
  const { page } = opened;
  await tile(page, "Heating").waitFor();
  await page.locator(".pill.live").waitFor();
  assertEquals(await opened.checkLooks("home"), []);
  await page.goto(`${theHome().url}#/device`);
  await page.locator(".exchange").waitFor();
  assertEquals(await opened.checkLooks("device"), []);
  assertEquals(opened.faults, []);
});
