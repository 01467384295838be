/** The page of a real gateway in a real browser. */
import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { until } from "../support/deadline.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";
import { testPage, useBrowser } from "./support/browser.ts";
import type { TestHome } from "./support/home.ts";
import { makeLink } from "./support/pairing.ts";
import { startPrefixProxy } from "./support/prefix_proxy.ts";
import { useHome } from "./support/shared_home.ts";

const open = useBrowser();

const theHome = useHome();

testPage("the page opens without a fault and without a violation of axe's rules in every look", async () => {
  await using opened = await open(theHome().url);
  await opened.page.locator("#app > *").first().waitFor();
  assertEquals(await opened.checkLooks("open"), []);
  assertEquals(opened.faults, []);
});

testPage("a violation of the policy, an error and a request elsewhere are recognized as faults", async () => {
  await using opened = await open(theHome().url);
  await opened.page.evaluate(`
    document.body.setAttribute("style", "color: red");
    fetch("http://127.0.0.1:9/").catch(() => {});
    fetch("nothing-here");
    setTimeout(() => { throw new Error("broken"); });
    try { document.body.innerHTML = "<b>text</b>"; } catch {}
  `);
  const kinds = [
    "policy: style-src-attr",
    "policy: connect-src",
    "policy: require-trusted-types-for",
    "script: broken",
  ];
  for (const kind of [...kinds, "answer: 404"]) {
    await until(kind, () => opened.faults.some((fault) => fault.startsWith(kind)));
  }
  opened.faults.splice(0);
});

testPage("the browser asks only once for files that are named by their content", async () => {
  await using opened = await open(theHome().url, { serviceWorkers: "block" });
  await opened.page.reload();
  const sizes = await opened.page.evaluate(`performance.getEntriesByType("resource")
    .filter(({ name }) => name.includes("/assets/")).map(({ transferSize }) => transferSize)`);
  assertEquals(new Set(Array.isArray(sizes) ? sizes : []), new Set([0]));
});

/** Opens the screen of the device by the navigation, and waits until the gateway has answered. */
async function showDevice(page: Page): Promise<void> {
  await page.locator('nav a[href="#/device"]').click();
  await page.locator(".exchange").waitFor();
}

/** Makes dates impossible to write for the pages that are opened from now on, as a defect of the page would. */
async function breakDates(page: Page): Promise<void> {
  await page.addInitScript(`
    const { get } = Object.getOwnPropertyDescriptor(Intl.DateTimeFormat.prototype, "format");
    Object.defineProperty(Intl.DateTimeFormat.prototype, "format", {
      get() {
        if (this.resolvedOptions().dateStyle === undefined) return get.call(this);
        throw new RangeError("Invalid time value");
      },
    });
  `);
}

testPage(
  "two gateways under two prefixes of one origin are two homes, no request goes to the other one, and a screen that breaks " +
    "leaves the page as it is",
  async () => {
    await using running = new AsyncDisposableStack();
    const other = await startGatewayProcess({ RATE_LIMITS: "off" });
    running.defer(async () => void await other.stop());
    const proxy = running.use(startPrefixProxy({ "/a": theHome().gateway.url, "/b": other.url }));
    const link = async (prefix: string, gateway: TestHome["gateway"], name: string) =>
      (await makeLink({ gateway }, "pair", name, "--service", "mqtt")).replace(gateway.url, proxy.origin + prefix);
    const postsTo = (prefix: string) =>
      proxy.requests.filter((request) => request.startsWith(`POST ${prefix}/`)).length;

    await using opened = await open(await link("/a", theHome().gateway, "upstairs"));
    const { page } = opened;
    await page.locator(".pill.live").waitFor();
    await showDevice(page);
    assertEquals(proxy.requests.filter((request) => !/ \/a\//.test(request)), []);
    assert(postsTo("/a") > 0);

    await page.goto(await link("/b", other, "downstairs"));
    await page.locator(".screen h1").waitFor();
    await showDevice(page);
    const before = postsTo("/a");
    assert(postsTo("/b") > 0);
    await page.locator(".homes li", { hasText: "downstairs" }).waitFor();
    await page.locator(".homes li", { hasText: "upstairs" }).getByRole("button").click();
    await until("a request to the first home", () => postsTo("/a") > before);
    // Neither gateway has seen a key of the other one: it would have refused it.
    assertEquals(opened.faults, []);

    await breakDates(page);
    await page.reload();
    await page.getByText("This screen got something that it cannot show").waitFor();
    await opened.screenshot("broken-screen");
    await page.locator('nav a[href="#/home"]').click();
    await page.locator(".screen h1").waitFor();
    assertEquals(opened.faults.every((fault) => fault.startsWith("script: Invalid time value")), true);
    opened.faults.splice(0);
  },
);

testPage("a new version of the page waits until it is asked for", async () => {
  await using proxy = startPrefixProxy({ "/a": theHome().gateway.url });
  await using opened = await open(`${proxy.origin}/a/`);
  const { page } = opened;
  const version = () => page.locator("html").getAttribute("data-version");
  const isControlled = async () => await page.evaluate("navigator.serviceWorker.controller !== null") === true;
  await until("the service worker to serve the page", isControlled);
  proxy.release("2");
  await page.reload();
  await page.locator(".update").getByRole("button", { name: "Update" }).waitFor();
  assertEquals(await version(), null);
  assertEquals(await opened.checkAccessibility(), []);
  await opened.screenshot("update");
  await page.reload();
  await page.getByRole("button", { name: "Update" }).waitFor();
  assertEquals(await version(), null);
  await page.getByRole("button", { name: "Update" }).click();
  await until("the other version", async () => await version() === "2");
  await page.locator("#app > *").first().waitFor();
  assertEquals(await page.locator(".update").count(), 0);
  assertEquals(opened.faults, []);
});
