/** Screen of Jeedom: rooms, values, actions and histories, with the rights of several keys. */
import { assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { until } from "../support/deadline.ts";
import { LOOKS } from "./support/browser.ts";
import { useScreen } from "./support/screens.ts";

const { test, theHome, openScreen } = useScreen("Jeedom");

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
