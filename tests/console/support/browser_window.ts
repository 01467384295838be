/** A window of the browser, for one page after the other: nothing of a page remains for the next one. */
import axe from "axe-core";
import type { BrowserContext, Page } from "playwright-core";
import { z } from "zod";
import { type Look, LOOKS } from "./looks.ts";

/** An open page: nothing of another page is stored in its window. */
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

/** Options of a page in a window. */
interface OpeningOptions {
  /** Size and colour scheme. */
  readonly look: Look;
  /** Called when the page is not needed any more. */
  readonly onClose: () => Promise<void>;
}

/** A window of the browser. */
export interface BrowserWindow {
  /** Opens a page in the empty window. */
  open(url: string, options: OpeningOptions): Promise<OpenedPage>;
  /** Leaves the page, and deletes everything that it has stored. */
  empty(): Promise<void>;
  /** Closes the window. */
  close(): Promise<void>;
}

/** Name of the function in the page that reports a violation of the policy. */
const REPORT = "reportPolicyViolation";

/** Expression in the page for the violations of axe's rules. */
const VIOLATIONS = `axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations.map(({ id, nodes }) =>
  id + ": " + nodes.map(({ target }) => target.join(" ")).join(", ")))`;

/** Longest wait for anything in a page, in milliseconds: tests do not measure time. */
const WAIT_MS = 60_000;

/** Opens an empty window. */
export async function openWindow(context: BrowserContext): Promise<BrowserWindow> {
  context.setDefaultTimeout(WAIT_MS);
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  let origin = "";
  let faults: string[] = [];
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
    const { protocol, origin: requested } = new URL(request.url());
    if (/^https?:$/.test(protocol) && requested !== origin) faults.push(`elsewhere: ${request.url()}`);
  });
  return {
    async open(url, options) {
      origin = new URL(url).origin;
      faults = [];
      await showLook(page, options.look);
      await page.goto(url);
      return openedPage(page, faults, options);
    },
    async empty() {
      await page.unrouteAll({ behavior: "ignoreErrors" });
      await page.evaluate("sessionStorage.clear()");
      await page.goto("about:blank");
      await devtools.send("Storage.clearDataForOrigin", { origin, storageTypes: "all" });
      await devtools.send("Page.resetNavigationHistory");
    },
    close: () => context.close(),
  };
}

async function showLook(page: Page, { viewport, colorScheme }: Look): Promise<void> {
  await page.setViewportSize(viewport);
  await page.emulateMedia({ colorScheme });
}

function openedPage(page: Page, faults: string[], { look, onClose }: OpeningOptions): OpenedPage {
  async function checkAccessibility(): Promise<string[]> {
    if (await page.evaluate("globalThis.axe === undefined")) await page.evaluate(axe.source);
    return z.array(z.string()).parse(await page.evaluate(VIOLATIONS));
  }

  async function screenshot(shot: string, { name }: Look = look): Promise<void> {
    const folder = Deno.env.get("CONSOLE_SCREENSHOTS");
    if (folder === undefined) return;
    await page.screenshot({ path: `${folder}/${shot}, ${name}.png`.replaceAll(", ", "-") });
  }

  return {
    page,
    faults,
    checkAccessibility,
    screenshot: (shot) => screenshot(shot),
    async checkLooks(shot) {
      const found: string[] = [];
      for (const shown of LOOKS) {
        await showLook(page, shown);
        // The page has seen its new size.
        await page.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))");
        await screenshot(shot, shown);
        const isWider = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
        const violations = [...isWider === true ? ["wider than the window"] : [], ...await checkAccessibility()];
        found.push(...violations.map((violation) => `${shown.name}: ${violation}`));
      }
      await showLook(page, look);
      return found;
    },
    async [Symbol.asyncDispose]() {
      await onClose();
      const [fault] = faults.filter((fault) => /^(policy|elsewhere): /.test(fault));
      if (fault !== undefined) throw new Error(`The page did what it never may: ${fault}`);
    },
  };
}
