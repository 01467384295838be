/** The screen Live of a real gateway: topics, chart, payloads, publishing, export, and what happens to its stream. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { until } from "../support/deadline.ts";
import { type OpenedPage, type OpenOptions, testPage, useBrowser } from "./support/browser.ts";
import { startHome } from "./support/home.ts";
import { makeLink } from "./support/pairing.ts";
import { useHome } from "./support/shared_home.ts";
import { startToxicProxy } from "../support/toxic_proxy.ts";

const openPage = useBrowser();

const theHome = useHome(async () => {
  const home = await startHome();
  await home.startSensors(400);
  const energy = JSON.stringify({ power: 412.5, phases: [{ voltage: 230.1 }], on: true });
  await home.gateway.client.publish("home/kitchen/energy", energy, { qos: 1, retain: true });
  await home.gateway.client.publish("home/hall/camera", PICTURE, { qos: 1, retain: true });
  return home;
});
let keys = 0;

/** A PNG of one pixel. */
const PICTURE = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
);

/** Publishes through the gateway. */
async function publish(topic: string, payload: string | Uint8Array, retain = false): Promise<void> {
  await theHome().gateway.client.publish(topic, payload, { qos: 1, retain });
}

/** Opens the screen with a new key. */
async function openLive(
  rights: readonly string[] = ["--service", "mqtt"],
  options: OpenOptions = {},
): Promise<OpenedPage> {
  keys += 1;
  const link = await makeLink(theHome(), "pair", `live-${keys}`, ...rights);
  const opened = await openPage(link, options);
  await opened.page.locator(".screen h1").waitFor();
  await opened.page.locator('nav a[href="#/live"]').click();
  await opened.page.locator(".row").first().waitFor();
  return opened;
}

const row = (page: Page, name: string) =>
  page.locator(".row").filter({ has: page.locator(".name", { hasText: new RegExp(`^${RegExp.escape(name)}$`) }) });

/** Opens the list, and a topic in it. */
async function choose(page: Page, topic: string): Promise<void> {
  await page.getByRole("button", { name: "List" }).click();
  await row(page, topic).click();
  await page.locator(".live-detail .path").waitFor();
}

/** Returns the number of points of the chart. */
async function points(page: Page): Promise<number> {
  return Number(await page.locator(".chart-section .numbers dd").last().innerText());
}

testPage("a tree shows the newest values, opens by keys, and a filter narrows it", async () => {
  await using opened = await openLive();
  const { page } = opened;
  const tree = page.getByRole("tree");
  await row(page, "kitchen").waitFor();
  assertEquals(await row(page, "energy").count(), 0);
  await tree.focus();
  for (let press = 0; press < 30 && await row(page, "energy").count() === 0; press += 1) {
    const active = page.locator(".row.active .name");
    const isKitchen = await active.count() > 0 && (await active.innerText()) === "kitchen";
    await page.keyboard.press(isKitchen ? "ArrowRight" : "ArrowDown");
  }
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  assertMatch(await page.locator(".live-detail .path").innerText(), /kitchen\s*\/\s*energy/);
  assertMatch(await page.locator(".payload-box").innerText(), /"power": 412.5/);

  await page.getByRole("searchbox").fill("hall door");
  await row(page, "door").waitFor();
  assertEquals(await row(page, "kitchen").count(), 0);
  await page.getByRole("searchbox").fill("home/+/camera");
  await row(page, "camera").waitFor();
  assertEquals(await row(page, "door").count(), 0);
  await page.getByRole("searchbox").fill("home/#/x");
  await page.getByText("Not a filter").waitFor();
  assertEquals(await opened.checkAccessibility(), []);
  assertEquals(opened.faults, []);
});

testPage(
  "a chart moves with each value, stands still while paused, and shows what came meanwhile afterwards",
  async () => {
    await using opened = await openLive();
    const { page } = opened;
    await choose(page, "home/living-room/temperature");
    await page.locator(".chart canvas").waitFor();
    const first = await points(page);
    await until("the chart to move", async () => await points(page) > first + 1);
    await page.getByRole("button", { name: "Pause" }).click();
    const paused = await points(page);
    await page.locator(".note", { hasText: /[2-9] new messages wait/ }).waitFor();
    assertEquals(await points(page), paused);
    await page.getByRole("button", { name: "Go on" }).click();
    await until("the chart to go on", async () => await points(page) >= paused + 2);
    assertEquals(await opened.checkAccessibility(), []);
    assertEquals(opened.faults, []);
  },
);

testPage("a number inside of JSON has a chart of its own", async () => {
  await using opened = await openLive();
  const { page } = opened;
  await choose(page, "home/kitchen/energy");
  await page.locator(".chart-section select").selectOption({ label: "phases › 0 › voltage" });
  for (const voltage of [231, 229]) {
    await publish("home/kitchen/energy", JSON.stringify({ power: 1, phases: [{ voltage }], on: true }), true);
  }
  await page.locator(".chart-section .numbers", { hasText: "231" }).waitFor();
  await page.locator(".chart-section .numbers", { hasText: "229" }).waitFor();
  assertEquals(opened.faults, []);
});

testPage("a picture is shown as one, and its address is given back", async () => {
  await using opened = await openLive();
  const { page } = opened;
  await choose(page, "home/hall/camera");
  const picture = page.locator("img.picture");
  await picture.waitFor();
  await page.waitForFunction(`document.querySelector("img.picture")?.naturalWidth === 1`);
  const isGone = await page.evaluate(`new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(false);
    image.onerror = () => resolve(true);
    image.src = document.querySelector("img.picture").src;
  })`);
  assert(isGone);
  await page.getByRole("button", { name: "Hex" }).click();
  assertMatch(await page.locator(".payload-box").innerText(), /^0000 {2}89 50 4e 47/);
  assertEquals(await opened.checkAccessibility(), []);
});

testPage("hostile topics and payloads are shown as text, and break nothing", async () => {
  await using opened = await openLive();
  const { page } = opened;
  const deep = "[".repeat(5000) + "]".repeat(5000);
  await publish("hostile/__proto__/constructor", "polluted");
  await publish("hostile//", "empty levels");
  await publish("hostile/bidi", "safe\u202Eevil\u0000<b>");
  await publish("hostile/deep", deep);
  await publish("hostile/huge", "x".repeat(300_000));
  await publish("hostile/json", JSON.stringify({ value: 1 }).replace("value", "__proto__"));
  await page.getByRole("searchbox").fill("hostile");
  await choose(page, "hostile/bidi");
  assertMatch(await page.locator(".payload-box").innerText(), /⟨U\+202E⟩evil␀<b>/);
  await choose(page, "hostile/deep");
  assertMatch(await page.locator(".payload-box").innerText(), /^\[\[\[/);
  await choose(page, "hostile/huge");
  await page.getByText("The first 20,000 of 300,000 characters").waitFor();
  await choose(page, "hostile/__proto__/constructor");
  assertMatch(await page.locator(".payload-box").innerText(), /polluted/);
  await page.getByRole("button", { name: "Tree" }).click();
  await page.locator(".row .name", { hasText: "(empty)" }).first().waitFor();
  assertEquals(await page.evaluate("({}).polluted === undefined"), true);
  assertEquals(await opened.checkAccessibility(), []);
  assertEquals(opened.faults, []);
});

testPage("a message is published with QoS and retain, and its outcome is told", async () => {
  await using opened = await openLive(["--subscribe", "#", "--publish", "test/#"]);
  const { page } = opened;
  await page.getByRole("button", { name: "Publish" }).click();
  const dialog = page.locator("dialog[open]");
  await dialog.getByLabel("Topic").fill("home/forbidden");
  await dialog.getByText("may not publish to this topic").waitFor();
  await dialog.getByLabel("Topic").fill("test/from-page");
  await dialog.getByLabel("Message").fill("hello");
  await dialog.getByRole("button", { name: "2", exact: true }).click();
  await dialog.getByRole("switch").click();
  assertEquals(await opened.checkAccessibility(), []);
  await dialog.getByRole("button", { name: "Publish" }).click();
  await dialog.getByText("Done: the broker has it").waitFor();
  await dialog.getByRole("button", { name: "0", exact: true }).click();
  await dialog.getByRole("button", { name: "Publish" }).click();
  await dialog.getByText("does not acknowledge").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("searchbox").fill("from-page");
  await choose(page, "test/from-page");
  assertMatch(await page.locator(".payload-box").innerText(), /hello/);
  assertEquals(opened.faults, []);
});

testPage("a key that may not publish sees no form for it, and a filter beyond its rights is refused", async () => {
  await using opened = await openLive(["--subscribe", "home/living-room/+"]);
  const { page } = opened;
  await row(page, "temperature").waitFor();
  assertEquals(await page.getByRole("button", { name: "Publish" }).count(), 0);
  await page.getByRole("searchbox").fill("home/#");
  await page.getByText("may not subscribe").waitFor();
  assertEquals(await row(page, "kitchen").count(), 0);
  assertEquals(opened.faults, []);
});

testPage("messages are saved as JSONL and as CSV", async () => {
  await using opened = await openLive();
  const { page } = opened;
  await publish("export/a", "=1+1");
  await page.getByRole("searchbox").fill("export");
  await choose(page, "export/a");
  const save = async (format: string) => {
    await page.getByRole("button", { name: "Export" }).click();
    const dialog = page.locator("dialog[open]");
    await dialog.getByRole("button", { name: format }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      dialog.getByRole("button", { name: "Save" }).click(),
    ]);
    return await Deno.readTextFile(await download.path());
  };
  const [line] = (await save("JSONL")).split("\n");
  const { topic, payload, qos, retain } = JSON.parse(line ?? "");
  assertEquals({ topic, payload, retain }, { topic: "export/a", payload: "=1+1", retain: false });
  assert([0, 1].includes(qos));
  assertMatch(await save("CSV"), /^time,service,topic,.*\r\n.*,mqtt,export\/a,'=1\+1,/);
  assertEquals(opened.faults, []);
});

testPage("tree, list, detail and dialogs are accessible and fit in every look", async () => {
  await using opened = await openLive();
  const { page } = opened;
  assertEquals(await opened.checkLooks("live tree"), []);
  await choose(page, "home/living-room/temperature");
  await page.locator(".chart canvas").waitFor();
  await until("some points", async () => await points(page) > 5);
  await page.getByRole("button", { name: "1 min" }).click();
  assertEquals(await opened.checkLooks("live list"), []);
  await choose(page, "home/kitchen/energy");
  await page.getByRole("button", { name: "Tree" }).click();
  assertEquals(await opened.checkLooks("live json"), []);
  await page.getByRole("button", { name: "Publish" }).click();
  assertEquals(await opened.checkLooks("live publish"), []);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Export" }).click();
  assertEquals(await opened.checkLooks("live export"), []);
  assertEquals(opened.faults, []);
});

testPage("entities of Home Assistant are there with their states, and what they are made of", async () => {
  await using opened = await openLive(["--ha-read", "*"], { locale: "fr-FR" });
  const { page } = opened;
  await page.getByRole("searchbox").fill("living");
  await page.getByRole("button", { name: "Liste" }).click();
  await page.locator(".row").first().click();
  await page.locator(".payload-box", { hasText: '"state":' }).waitFor();
  assertEquals(await page.getByRole("button", { name: "Publier" }).count(), 0);
  await opened.screenshot("live entities");
  assertEquals(await opened.checkAccessibility(), []);
  assertEquals(opened.faults, []);
});

testPage("a stream that was cut resumes without loss, and the page says so", async () => {
  await using proxy = new AsyncDisposableStack();
  const cutter = await startToxicProxy(Number(new URL(theHome().url).port));
  proxy.defer(() => cutter.close());
  const link = new URL(await makeLink(theHome(), "pair", "cut", "--service", "mqtt"));
  link.port = String(cutter.port);
  // Before the stream: while one is replaced by a wider one, a retained message may come live and retained.
  await publish("cut/count", "0", true);
  await using opened = await openPage(link.href);
  const { page } = opened;
  await page.locator(".screen h1").waitFor();
  await page.locator('nav a[href="#/live"]').click();
  await choose(page, "cut/count");
  for (let count = 1; count <= 30; count += 1) {
    await publish("cut/count", String(count));
    if (count === 10) cutter.cut();
  }
  await page.locator(".incidents > .note", { hasText: "nothing is missing" }).waitFor({ timeout: 30_000 });
  const messages = page.locator(".live-detail > .numbers > :nth-child(3) dd");
  await until("all messages to be there", async () => await messages.innerText() === "31");
  assertEquals(await page.locator(".hero").innerText(), "30");
});

testPage(
  "a gateway that was killed, or ended, and started again is resumed, and the page says that messages may be missing",
  async () => {
    await using opened = await openLive();
    const { page } = opened;
    await choose(page, "home/living-room/temperature");
    await until("some points", async () => await points(page) > 2);
    const incidents = (text: string) => page.locator(".incidents .note", { hasText: text });
    for (const [count, signal] of (["SIGKILL", "SIGTERM"] as const).entries()) {
      await theHome().kill(signal);
      await incidents("Stream interrupted").nth(count).waitFor({ state: "attached" });
      await theHome().restart();
      await incidents("Gap").nth(count).waitFor({ state: "attached", timeout: 60_000 });
    }
    const before = await points(page);
    await until("the chart to go on", async () => await points(page) > before + 2);
    await publish("home/back", "yes");
    await page.getByRole("searchbox").fill("home/back");
    await row(page, "home/back").waitFor();
    assertEquals(await opened.checkAccessibility(), []);
    await opened.screenshot("live after a restart");
  },
);
