/** The demo as a newcomer meets it: `deno task demo`, and its links in a browser. */
import { assertEquals, assertNotEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { until, within } from "../support/deadline.ts";
import { ProcessOutput } from "../support/process_output.ts";
import { NEEDS, type OpenOptions, testPage, useBrowser } from "./support/browser.ts";

const openPage = useBrowser();

const PROJECT = new URL("../..", import.meta.url).pathname;

/** A running demo. */
interface Demo {
  readonly child: Deno.ChildProcess;
  readonly temporary: string;
  readonly output: ProcessOutput;
}

let demo: Demo | undefined;

Deno.test.beforeAll(async () => {
  if (NEEDS.chromium === undefined) return;
  const temporary = await Deno.makeTempDir({ prefix: "gateway-" });
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "demo"],
    cwd: PROJECT,
    env: { PORT: "0", TMPDIR: temporary, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  demo = { child, temporary, output: new ProcessOutput(child) };
  await demo.output.line((line) => line.includes("Ctrl-C ends it"));
});

Deno.test.afterAll(async () => {
  if (demo === undefined) return;
  demo.child.kill("SIGTERM");
  await within("the demo's exit", demo.child.status);
  await demo.output.ended;
  await Deno.remove(demo.temporary, { recursive: true });
});

function outputOf(): string {
  if (demo === undefined) throw new Error("The demo is not started");
  return demo.output.text;
}

/** Returns the newest link of a kind, by the words before it. */
function newestLink(kind: "browser" | "guest"): string {
  const pattern = {
    browser: /(?:your|another) browser:\s+(\S+#pair=\S+)/g,
    guest: /(?:A guest,[^:]*|another guest):\s+(\S+#pair=\S+)/g,
  }[kind];
  const [, link] = [...outputOf().matchAll(pattern)].at(-1) ?? [];
  if (link === undefined) throw new Error(`No link for ${kind} in:\n${outputOf()}`);
  return link;
}

/** Opens the newest link, and waits until the demo has printed the next one. */
async function openNewest(kind: "browser" | "guest", options: OpenOptions = {}) {
  const link = newestLink(kind);
  const opened = await openPage(link, options);
  await opened.page.locator(".tile:not(.skeleton)").first().waitFor();
  await until("the next link", () => newestLink(kind) !== link);
  return opened;
}

const tile = (page: Page, label: string) => page.locator(".tile", { hasText: label });

testPage("the demo's link opens a home that is paired, with actions and moving values", async () => {
  await using opened = await openNewest("browser");
  const { page } = opened;
  assertEquals(new URL(page.url()).hash.includes("pair"), false);
  assertEquals(await page.locator(".actions .tile").count(), 6);
  const temperatures = page.locator(".pin", { hasText: "temperature" }).locator(".value");
  await until("a temperature", async () => await temperatures.count() > 0);
  const before = await temperatures.first().textContent();
  await until("another temperature", async () => await temperatures.first().textContent() !== before);
  assertEquals(await opened.checkLooks("demo"), []);
  assertEquals(opened.faults, []);
});

testPage("the demo's light switches, its blinds move, and its doorbell rings, first for each visitor", async () => {
  const before = outputOf().length;
  await using opened = await openNewest("browser");
  await until("the visitor's ring", () => outputOf().slice(before).includes("sensor  home/hall/doorbell ringing"));
  const { page } = opened;
  const light = tile(page, "Living-room light").getByRole("switch");
  const wasOn = await light.isChecked();
  const topic = "home/living-room/light";
  await tile(page, "Living-room light").click();
  await until("the light", async () => await light.isChecked() !== wasOn);
  await until("its sensor", () => outputOf().includes(`sensor  ${topic} ${wasOn ? "off" : "on"}`));
  await tile(page, "Blinds").getByRole("button", { name: "Half" }).click();
  await until("the blinds", () => outputOf().includes("sensor  home/living-room/blinds half"));
  await tile(page, "Ring the doorbell").click();
  await until("the doorbell", () => tile(page, "Ring the doorbell").getByText("Ringing").isVisible());
  assertEquals(opened.faults, []);
});

testPage("each link of the demo works once, and the next one opens the page in another browser", async () => {
  const first = newestLink("browser");
  await using one = await openNewest("browser");
  assertNotEquals(newestLink("browser"), first);
  await using other = await openNewest("browser");
  for (const { page } of [one, other]) assertEquals(await page.locator(".actions .tile").count(), 6);
});

testPage("the demo's second link is a guest's, whose page has one button", async () => {
  await using opened = await openNewest("guest");
  const { page } = opened;
  await page.locator(".guest").waitFor();
  assertEquals(await page.locator(".tile").count(), 1);
  assertEquals((await page.locator(".guest").textContent())?.includes("3 of 3 left"), true);
  await opened.screenshot("demo-guest");
  assertEquals(opened.faults, []);
});
