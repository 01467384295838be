/** Screen of Jeedom in the largest known home, and without an answer of Jeedom. */
import { assert, assertEquals } from "@std/assert";
import { startJeedom } from "../support/jeedom_server.ts";
import { testPage } from "./support/browser.ts";
import { startHome } from "./support/home.ts";
import { useScreen } from "./support/screens.ts";

const jeedom = startJeedom({ isLarge: true });

const { openScreen } = useScreen(
  "Jeedom",
  () => startHome({ JEEDOM_URL: jeedom.url, JEEDOM_APIKEY: jeedom.apikey }),
);

Deno.test.afterAll(() => jeedom.stop());

testPage("300 devices are counted and searched, and shown part by part", async () => {
  await using opened = await openScreen(["--service", "jeedom"]);
  const { page } = opened;
  await page.getByText("308 found", { exact: true }).waitFor();
  assert(await page.locator(".unit").count() < 60);
  await page.getByRole("button", { name: "Show 48 more" }).click();
  await page.locator(".unit").nth(95).waitFor();
  await page.getByRole("searchbox").fill("device 29.9");
  await page.getByText("1 found", { exact: true }).waitFor();
  assertEquals(await page.locator(".unit h3").allInnerTexts(), ["Device 29.9"]);
  assertEquals(await page.locator(".reading").count(), 10);
  assertEquals(opened.faults, []);
});

testPage("a Jeedom that fails is reported with what the gateway says of it, and asked again by a button", async () => {
  jeedom.simulated.mode = "database-down";
  await using opened = await openScreen(["--service", "jeedom"]);
  const { page } = opened;
  await page.getByText("could not be loaded").waitFor();
  assertEquals(await opened.checkAccessibility(), []);
  jeedom.simulated.mode = "normal";
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("308 found", { exact: true }).waitFor();
  assertEquals(opened.faults, []);
});
