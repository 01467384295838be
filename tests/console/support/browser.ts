/** The page in a real browser: one browser for each file of tests, one context for each page. */
import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { z } from "zod";
import { CHROMIUM } from "../../portable/run_in_chromium.ts";
import { needing, type Needs } from "../../support/needs.ts";

/** Requirements of tests with a browser. */
export const NEEDS: Needs = { chromium: CHROMIUM };

/** Sizes and colour schemes in which every screen is tested. */
export const LOOKS = [
  { name: "phone, light", viewport: { width: 390, height: 844 }, colorScheme: "light" },
  { name: "phone, dark", viewport: { width: 390, height: 844 }, colorScheme: "dark" },
  { name: "desk, light", viewport: { width: 1440, height: 900 }, colorScheme: "light" },
  { name: "desk, dark", viewport: { width: 1440, height: 900 }, colorScheme: "dark" },
] as const;

/** Size and colour scheme of a page. */
export type Look = (typeof LOOKS)[number];

/** Options of a page. */
export interface OpenOptions extends BrowserContextOptions {
  /** Size and colour scheme; a phone in light colours by default. */
  readonly look?: Look;
}

/** A page in a context of its own: nothing of another page is stored there. */
export interface OpenedPage extends AsyncDisposable {
  readonly page: Page;
  /**
   * Faults so far: violations of the policy, errors of scripts and in the console, answers with an error, and requests to
   * other hosts. Violations and such requests are never right: the end of the page throws if one is left here.
   */
  readonly faults: string[];
  /** Returns the violations of axe's rules on the screen as it is, each with the elements. */
  checkAccessibility(): Promise<string[]>;
  /**
   * Shows the screen in all looks, each saved as a picture of that name, and then in the first one again.
   *
   * @returns the violations of axe's rules, and screens that are wider than the window, each with its look
   */
  checkLooks(name: string): Promise<string[]>;
  /** Saves a picture in the folder of the variable CONSOLE_SCREENSHOTS, if it is set. */
  screenshot(name: string): Promise<void>;
}

/** Registers a test with a browser. */
export function testPage(name: string, fn: () => Promise<void>): void {
  // Browser and gateway outlive the test, and write when they like: reading their output spans tests.
  Deno.test({ ...needing(name, NEEDS), sanitizeOps: false, sanitizeResources: false, fn });
}

/** Name of the function in the page that reports a violation of the policy. */
const REPORT = "reportPolicyViolation";

/**
 * Starts a browser before the tests of a file, and closes it after them.
 *
 * @param args further options of the browser's command line
 * @returns the function that opens a page
 */
export function useBrowser(
  args: readonly string[] = [],
): (url: string, options?: OpenOptions) => Promise<OpenedPage> {
  let browser: Browser | undefined;
  Deno.test.beforeAll(async () => {
    if (CHROMIUM === undefined) return;
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      // Root, as in a container, has no sandbox. Only the gateway's page is opened.
      args: ["--no-sandbox", "--no-proxy-server", "--disable-gpu", ...args],
    });
  });
  Deno.test.afterAll(async () => await browser?.close());
  return (url, options) => {
    if (browser === undefined) throw new Error("The browser is not started");
    return openPage(browser, url, options);
  };
}

/** Expression in the page for the violations of axe's rules. */
const VIOLATIONS = `axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations.map(({ id, nodes }) =>
  id + ": " + nodes.map(({ target }) => target.join(" ")).join(", ")))`;

/** Opens a page. */
async function openPage(
  browser: Browser,
  url: string,
  { look = LOOKS[0], ...options }: OpenOptions = {},
): Promise<OpenedPage> {
  const { viewport, colorScheme } = look;
  const context = await browser.newContext({ viewport, colorScheme, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  const host = new URL(url).host;
  await page.exposeFunction(REPORT, (text: string) => void faults.push(`policy: ${text}`));
  await page.addInitScript(`document.addEventListener("securitypolicyviolation", (event) =>
    ${REPORT}(event.violatedDirective + " " + event.blockedURI + " " + event.sample));`);
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`console: ${message.text()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`answer: ${response.status()} ${response.url()}`);
  });
  context.on("request", (request) => {
    const { protocol, host: requested } = new URL(request.url());
    if (/^https?:$/.test(protocol) && requested !== host) faults.push(`elsewhere: ${request.url()}`);
  });
  await page.goto(url);

  async function checkAccessibility(): Promise<string[]> {
    if (await page.evaluate("globalThis.axe === undefined")) await page.evaluate(axe.source);
    return z.array(z.string()).parse(await page.evaluate(VIOLATIONS));
  }

  async function screenshot(shot: string, { name }: Look = look): Promise<void> {
    const folder = Deno.env.get("CONSOLE_SCREENSHOTS");
    if (folder === undefined) return;
    await page.screenshot({ path: `${folder}/${shot}, ${name}.png`.replaceAll(", ", "-") });
  }

  async function show({ viewport, colorScheme }: Look): Promise<void> {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    // The page has seen its new size.
    await page.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))");
  }

  return {
    page,
    faults,
    checkAccessibility,
    async checkLooks(shot) {
      const found: string[] = [];
      for (const shown of LOOKS) {
        await show(shown);
        await screenshot(shot, shown);
        const isWider = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
        const violations = [...isWider === true ? ["wider than the window"] : [], ...await checkAccessibility()];
        found.push(...violations.map((violation) => `${shown.name}: ${violation}`));
      }
      await show(look);
      return found;
    },
    screenshot: (shot) => screenshot(shot),
    async [Symbol.asyncDispose]() {
      await context.close();
      const [fault] = faults.filter((fault) => /^(policy|elsewhere): /.test(fault));
      if (fault !== undefined) throw new Error(`The page did what it never may: ${fault}`);
    },
  };
}
