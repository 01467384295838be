/** Screen of Jeedom: rooms, values, actions and histories, with the rights of several keys. */
import { assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { until } from "../support/deadline.ts";
import { testPage } from "./support/browser.ts";
import { useScreen } from "./support/screens.ts";

const { theHome, openHome, openScreen } = useScreen("Jeedom");

const card = (page: Page, name: string) => page.locator(".unit", { hasText: name });

testPage("rooms show equipment and values, which follow Jeedom's changes", async () => {
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
  assertEquals(await page.locator(".section h2").allInnerTexts(), ["Living room", "Entrance", "Bedroom", "Scenarios"]);
  assertEquals(opened.faults, []);
});

testPage("a switch, a slider, a list and a colour run their actions, and show what Jeedom reports", async () => {
  await using opened = await openScreen(["--service", "jeedom"]);
  const { page } = opened;
  const { home } = theHome();
  home.set(3, 0);
  home.set(12, 20);
  const light = card(page, "Ceiling light");
  const toggle = light.getByRole("switch", { name: "Light" });
  await toggle.focus();
  await page.keyboard.press("Space");
  await until("the light to be switched on", () => home.value(3) === 1);
  await light.getByText("Done").waitFor();
  await until("the switch to be on", () => toggle.isChecked());
  home.set(3, 0);
  await until("the switch to be off", async () => !await toggle.isChecked());

  const heating = card(page, "Heating");
  const more = heating.getByRole("button", { name: "Set temperature: more" });
  await more.click();
  await until("the first step", () => home.value(12) === 20.5);
  await more.click();
  await until("the heating to be set", () => home.value(12) === 21);
  await heating.getByRole("button", { name: "Eco" }).click();
  await heating.locator("[aria-pressed=true]", { hasText: "Eco" }).waitFor();
  await light.locator("input[type=color]").fill("#00ff80");
  await light.locator(".line", { hasText: "Set colour" }).getByText("Done").waitFor();
  assertEquals(await light.locator("input[type=color]").inputValue(), "#00ff80");
  assertEquals(opened.faults, []);
});

testPage("an action for which Jeedom asks runs only when it is confirmed", async () => {
  await using opened = await openScreen(["--service", "jeedom"]);
  const { page } = opened;
  const { home } = theHome();
  home.set(4, 0);
  const open = card(page, "Gate").getByRole("button", { name: "Open" });
  await open.focus();
  await page.keyboard.press("Enter");
  const dialog = page.locator("dialog[open]");
  assertMatch(await dialog.innerText(), /Jeedom asks before it runs “Open”/);
  assertEquals(await opened.checkAccessibility(), []);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assertEquals(home.value(4), 0);
  await open.click();
  await dialog.getByRole("button", { name: "Run" }).click();
  await until("the gate to be open", () => home.value(4) === 1);
  await card(page, "Gate").getByText("Done").waitFor();
  assertEquals(opened.faults, []);
});

testPage("a message is written in a dialog, and an answer that never comes is reported as not known", async () => {
  await using opened = await openScreen(["--service", "jeedom"]);
  const { page } = opened;
  const speaker = card(page, "Speaker");
  await speaker.getByRole("button", { name: "Say" }).click();
  await page.getByLabel("Message").fill("Dinner is ready");
  assertEquals(await opened.checkAccessibility(), []);
  await page.getByRole("button", { name: "Send" }).click();
  await speaker.getByText("Done").waitFor();
  assertEquals(opened.faults, []);
  await page.route("**/gateway", (route) => route.abort("connectionreset"));
  await card(page, "Gate").getByRole("button", { name: "Close" }).click();
  await card(page, "Gate").getByText("not known whether it ran").waitFor();
});

testPage("the search finds commands, and the address names a room", async () => {
  await using opened = await openScreen(["--service", "jeedom"]);
  const { page } = opened;
  await page.getByRole("searchbox").fill("humid");
  await page.getByText("1 found", { exact: true }).waitFor();
  assertEquals(await page.locator(".unit h3").allInnerTexts(), ["Climate sensor"]);
  await page.getByRole("searchbox").fill("no such thing");
  await page.getByText("Nothing found").waitFor();
  assertEquals(await opened.checkAccessibility(), []);
  await page.getByRole("searchbox").fill("");
  await page.locator(".groups a", { hasText: "Bedroom" }).click();
  await page.getByText("2 found", { exact: true }).waitFor();
  assertMatch(page.url(), /#\/jeedom\/3$/);
  assertEquals(await page.locator(".section h2").allInnerTexts(), ["Bedroom"]);
  assertEquals(opened.faults, []);
});

testPage("a history shows every period, also in French", async () => {
  await using opened = await openScreen(["--service", "jeedom"]);
  const { page } = opened;
  await page.getByRole("button", { name: "History of Humidity" }).click();
  const facts = page.locator(".history .numbers");
  await facts.getByText("288", { exact: true }).waitFor();
  await page.getByRole("button", { name: "7 d" }).click();
  // A week of a value every five minutes.
  await facts.getByText(/^2,01\d$/).waitFor();
  await page.locator(".chart.shown .u-over").hover();
  await page.locator(".history-value", { hasText: "last value" }).waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  await page.goto(`${theHome().url}#/device`);
  await page.getByRole("button", { name: "Français" }).click();
  await page.goto(`${theHome().url}#/jeedom`);
  await page.getByRole("button", { name: "Historique de Humidity" }).waitFor();
  assertEquals(await opened.checkAccessibility(), []);
  assertEquals(opened.faults, []);
});

testPage("a key for some commands and a scenario sees only these, with their values and actions", async () => {
  await using opened = await openScreen(["--command", "1", "--command", "31", "--command", "3", "--scenario", "1"]);
  const { page } = opened;
  await page.getByText("Temperature").waitFor();
  assertEquals(await page.locator(".reading-name").allInnerTexts(), ["Temperature", "Light"]);
  theHome().home.set(3, 0);
  await page.getByRole("button", { name: "On" }).click();
  await until("the light to be switched on", () => theHome().home.value(3) === 1);
  await page.locator(".reading", { hasText: "Light" }).getByText("On").waitFor();
  await card(page, "Good night").getByRole("button", { name: "Run" }).click();
  await card(page, "Good night").getByText("Done").waitFor();
  assertEquals(await opened.checkAccessibility(), []);
  assertEquals(opened.faults, []);
});

testPage(
  "a key that may only run a command is asked before each run, as it is not known what the command does",
  async () => {
    await using opened = await openScreen(["--command", "31", "--method", "cmd::execCmd"]);
    const { page } = opened;
    theHome().home.set(3, 0);
    await page.getByRole("button", { name: "#31" }).click();
    const dialog = page.locator("dialog[open]");
    assertMatch(await dialog.innerText(), /not known what command #31 does/);
    await dialog.getByRole("button", { name: "Run" }).click();
    await until("the light to be switched on", () => theHome().home.value(3) === 1);
    assertEquals(opened.faults, []);
  },
);

testPage(
  "a key that may list nothing is told which right is missing, and one without Jeedom has no such screen",
  async () => {
    await using opened = await openScreen(["--method", "version"]);
    const { page } = opened;
    await page.getByText("may not list").waitFor();
    assertMatch(await page.locator(".command").innerText(), /keys set phone-\d+ --method 'jeeObject::full'/);
    assertEquals(await opened.checkAccessibility(), []);
    assertEquals(opened.faults, []);
    await using other = await openHome(["--service", "mqtt"]);
    await other.page.locator(".pill.live").waitFor();
    assertEquals(await other.page.locator(".nav a", { hasText: "Jeedom" }).count(), 0);
  },
);

testPage("rooms and a history have no violation of axe's rules, and fit, in every look", async () => {
  await using opened = await openScreen(["--service", "jeedom"]);
  const { page } = opened;
  await card(page, "Climate sensor").getByText("°C").waitFor();
  assertEquals(await opened.checkLooks("jeedom"), []);
  await page.getByRole("button", { name: "History of Humidity" }).click();
  await page.locator(".chart.shown canvas").waitFor();
  assertEquals(await opened.checkLooks("jeedom-history"), []);
  assertEquals(opened.faults, []);
});
