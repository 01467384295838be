/** Screen of Jeedom: rooms, values, actions and histories, with the rights of several keys. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { until } from "../support/deadline.ts";
import { needing } from "../support/needs.ts";
import { LOOKS, NEEDS, type OpenedPage, type OpenOptions, useBrowser } from "./support/browser.ts";
import { startHome, type TestHome } from "./support/home.ts";
import { makeLink } from "./support/pairing.ts";

const openPage = useBrowser();

let started: TestHome | undefined;
let keys = 0;

Deno.test.beforeAll(async () => {
  if (NEEDS.chromium !== undefined) started = await startHome();
});

Deno.test.afterAll(async () => await started?.[Symbol.asyncDispose]());

function theHome(): TestHome {
  if (started === undefined) throw new Error("The home is not started");
  return started;
}

/** Defines a test; gateway and browser run on after it. */
function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ ...needing(name, NEEDS), sanitizeOps: false, sanitizeResources: false, fn });
}

/** Opens the screen with a new key. */
async function openScreen(rights: readonly string[], options: OpenOptions = {}): Promise<OpenedPage> {
  keys += 1;
  const opened = await openPage(await makeLink(theHome(), "pair", `phone-${keys}`, ...rights), options);
  await opened.page.locator(".screen h1").waitFor();
  await opened.page.locator(".nav a", { hasText: "Jeedom" }).click();
  await opened.page.locator("h1", { hasText: "Jeedom" }).waitFor();
  return opened;
}

const card = (page: Page, name: string) => page.locator(".unit", { hasText: name });

test("rooms show equipment and values, which follow Jeedom's changes", async () => {
  await using opened = await openScreen(["--service", "jeedom"]);
  const { page } = opened;
  await card(page, "Climate sensor").getByText("Temperature").first().waitFor();
  await card(page, "Climate sensor").getByText("20.5").waitFor();
  // Until the poll runs, a change may come before its beginning.
  await until("the page to show the change", async () => {
    theHome().home.set(1, theHome().home.value(1) === 23.25 ? 24.75 : 23.25);
    const text = await card(page, "Climate sensor").innerText();
    return /23\.25|24\.75/.test(text);
  });
  assertEquals(await page.locator(".section h2").allInnerTexts(), ["Living room", "Entrance", "Bedroom"]);
  assertEquals(opened.faults, []);
});

for (const look of LOOKS) {
  test(`rooms and a history have no violation of axe's rules (${look.name})`, async () => {
    await using opened = await openScreen(["--service", "jeedom"], { look });
    const { page } = opened;
    await card(page, "Climate sensor").getByText("°C").waitFor();
    await opened.screenshot("jeedom");
    assertEquals(await opened.checkAccessibility(), []);
    await page.getByRole("button", { name: "History of Humidity" }).click();
    await page.locator(".chart.shown canvas").waitFor();
    await opened.screenshot("jeedom-history");
    assertEquals(await opened.checkAccessibility(), []);
    assertEquals(opened.faults, []);
  });
}
