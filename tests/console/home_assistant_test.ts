/** Screen of Home Assistant: entities, controls and histories, with the rights of several keys. */
import { assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { testPage } from "./support/browser.ts";
import { useScreen } from "./support/screens.ts";

const { theHome, openScreen } = useScreen("Home Assistant");

const EVERYTHING = ["--ha-read", "*", "--ha-call", "*@*", "--ha-call", "script.good_night"];

const card = (page: Page, name: string) =>
  page.locator(".unit").filter({ has: page.getByRole("heading", { name, exact: true }) });

testPage("entities show their states in words, and follow Home Assistant", async () => {
  await using opened = await openScreen(EVERYTHING);
  const { page } = opened;
  await card(page, "Front door lock").getByText("Locked").waitFor();
  await card(page, "Front door").getByText("Closed").waitFor();
  await card(page, "Power").getByText(/412\s*W/).waitFor();
  const { client } = theHome().gateway;
  await client.homeAssistant("light.turn_on", { target: "light.kitchen", data: { brightness_pct: 40 } });
  await card(page, "Kitchen").getByText("40 %").waitFor();
  assertEquals(opened.faults, []);
});

testPage("switch, slider and buttons call services, and show the state that follows", async () => {
  await using opened = await openScreen(EVERYTHING);
  const { page } = opened;
  const { client } = theHome().gateway;
  const stateOf = async (entity: string) => (await client.homeAssistantState(entity)).state;
  await client.homeAssistant("light.turn_off", { target: "light.kitchen" });
  const kitchen = card(page, "Kitchen");
  const toggle = kitchen.getByRole("switch");
  await toggle.focus();
  await page.keyboard.press("Space");
  await kitchen.getByText("Done").waitFor();
  assertEquals(await stateOf("light.kitchen"), "on");
  await kitchen.getByRole("slider").fill("50");
  await kitchen.locator(".line-value").getByText("50 %").waitFor();
  await card(page, "Shutter").getByRole("button", { name: "Close" }).click();
  await card(page, "Shutter").locator(".entity-state", { hasText: "Closed" }).waitFor();
  assertEquals(await stateOf("cover.living_room"), "closed");
  await page.getByRole("button", { name: "Show picture" }).click();
  await page.getByRole("img", { name: "Picture of Front door camera" }).waitFor();
  assertEquals(opened.faults, []);
});

testPage("a lock asks before it is opened", async () => {
  await using opened = await openScreen(EVERYTHING);
  const { page } = opened;
  const lock = card(page, "Front door lock");
  await lock.getByRole("button", { name: "Unlock" }).click();
  const dialog = page.locator("dialog[open]");
  assertMatch(await dialog.innerText(), /let a person in/);
  assertEquals(await opened.checkAccessibility(), []);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await lock.getByText("Locked").waitFor();
  await lock.getByRole("button", { name: "Unlock" }).click();
  await dialog.getByRole("button", { name: "Unlock" }).click();
  await lock.getByText("Unlocked").waitFor();
  assertEquals(opened.faults, []);
});

testPage("a narrow key sees the entities that it may read, and only the controls that it may use", async () => {
  await using opened = await openScreen(["--ha-read", "light.*", "--ha-call", "light.turn_on@light.kitchen"]);
  const { page } = opened;
  await card(page, "Living room").getByText("On", { exact: true }).waitFor();
  assertEquals(await page.locator(".unit h3").allInnerTexts(), ["Kitchen", "Living room"]);
  assertEquals(await page.getByRole("switch").count(), 0);
  assertEquals(await card(page, "Living room").getByRole("slider").count(), 0);
  await card(page, "Kitchen").getByRole("button", { name: "On", exact: true }).click();
  await card(page, "Kitchen").getByText("Done").waitFor();
  assertEquals(await opened.checkAccessibility(), []);
  assertEquals(opened.faults, []);
});

testPage("a key that may only call sees what its calls name, without a state", async () => {
  const rights = ["--ha-call", "script.good_night", "--ha-call", "cover.*@cover.living_room"];
  await using opened = await openScreen(rights);
  const { page } = opened;
  await card(page, "Living room").getByText("may not read its state").waitFor();
  await card(page, "Living room").getByRole("button", { name: "Open" }).click();
  await card(page, "Living room").getByText("Done").waitFor();
  await card(page, "Good night").getByRole("button", { name: "Run" }).click();
  await card(page, "Good night").getByText("Done").waitFor();
  assertEquals(await opened.checkAccessibility(), []);
  assertEquals(opened.faults, []);
});

testPage("the search finds ids and names, and the address names a domain", async () => {
  await using opened = await openScreen(["--ha-read", "*"]);
  const { page } = opened;
  await page.getByRole("searchbox").fill("kitchen temp");
  await page.getByText("1 found", { exact: true }).waitFor();
  assertEquals(await page.locator(".unit h3").allInnerTexts(), ["Kitchen temperature"]);
  await page.getByRole("searchbox").fill("");
  await page.locator(".groups a", { hasText: "Covers" }).click();
  await page.getByText("1 found", { exact: true }).waitFor();
  assertMatch(page.url(), /#\/home-assistant\/cover$/);
  assertEquals(opened.faults, []);
});

testPage("entities and a history have no violation of axe's rules, and fit, in every look", async () => {
  await using opened = await openScreen(EVERYTHING);
  const { page } = opened;
  await card(page, "Kitchen temperature").getByText("°C").waitFor();
  await page.locator(".pill.live").waitFor();
  assertEquals(await opened.checkLooks("home-assistant"), []);
  await page.getByRole("button", { name: "History of Living room" }).click();
  await page.locator(".chart.shown canvas").waitFor();
  assertEquals(await opened.checkLooks("home-assistant-history"), []);
  assertEquals(opened.faults, []);
});
