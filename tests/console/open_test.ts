/** The page of a real gateway in a real browser. */
import { assertEquals } from "@std/assert";
import { until } from "../support/deadline.ts";
import { NEEDS, testPage, useBrowser } from "./support/browser.ts";
import { startHome, type TestHome } from "./support/home.ts";

const open = useBrowser();

let home: TestHome | undefined;

Deno.test.beforeAll(async () => {
  if (NEEDS.chromium !== undefined) home = await startHome();
});

Deno.test.afterAll(async () => await home?.[Symbol.asyncDispose]());

const url = () => home?.url ?? "";

testPage("the page opens without a fault and without a violation of axe's rules in every look", async () => {
  await using opened = await open(url());
  await opened.page.locator("#app > *").first().waitFor();
  assertEquals(await opened.checkLooks("open"), []);
  assertEquals(opened.faults, []);
});

testPage("a violation of the policy, an error and a request elsewhere are recognized as faults", async () => {
  await using opened = await open(url());
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
  await using opened = await open(url(), { serviceWorkers: "block" });
  await opened.page.reload();
  const sizes = await opened.page.evaluate(`performance.getEntriesByType("resource")
    .filter(({ name }) => name.includes("/assets/")).map(({ transferSize }) => transferSize)`);
  assertEquals(new Set(Array.isArray(sizes) ? sizes : []), new Set([0]));
});
