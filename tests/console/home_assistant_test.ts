/** Screen of Home Assistant: entities, controls and histories, with the rights of several keys. */
import { assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { LOOKS } from "./support/browser.ts";
import { useScreen } from "./support/screens.ts";

const { test, theHome, openScreen } = useScreen("Home Assistant");

const EVERYTHING = ["--ha-read", "*", "--ha-call", "*@*", "--ha-call", "script.good_night"];

const card = (page: Page, name: string) =>
  page.locator(".unit").filter({ has: page.getByRole("heading", { name, exact: true }) });

for (const look of LOOKS) {
  test(`entities and a history have no violation of axe's rules (${look.name})`, async () => {
    await using opened = await openScreen(EVERYTHING, { look });
    const { page } = opened;
    await card(page, "Kitchen temperature").getByText("°C").waitFor();
    await page.locator(".pill.live").waitFor();
    await opened.screenshot("home-assistant");
    assertEquals(await opened.checkAccessibility(), []);
    await page.getByRole("button", { name: "History of Living room" }).click();
    await page.locator(".chart.shown canvas").waitFor();
    await opened.screenshot("home-assistant-history");
    assertEquals(await opened.checkAccessibility(), []);
    assertEquals(opened.faults, []);
  });
}
