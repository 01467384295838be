/** The page in a real browser: one browser for each file of tests. */
import { type Browser, type BrowserContextOptions, chromium } from "playwright-core";
import { CHROMIUM } from "../../portable/run_in_chromium.ts";
import { needing, type Needs } from "../../support/needs.ts";
import { type Look, LOOKS } from "./looks.ts";
import { type BrowserWindow, type OpenedPage, openWindow } from "./browser_window.ts";

export type { OpenedPage } from "./browser_window.ts";

/** Requirements of tests with a browser. */
export const NEEDS: Needs = { chromium: CHROMIUM };

/** Options of a page. */
export interface OpenOptions extends BrowserContextOptions {
  /** Size and colour scheme; a phone in light colours by default. */
  readonly look?: Look;
}

/** Registers a test with a browser; `needs` are its further requirements. */
export function testPage(name: string, fn: () => Promise<void>, needs: Needs = {}): void {
  // Browser and gateway outlive the test, and write when they like: reading their output spans tests.
  Deno.test({ ...needing(name, { ...NEEDS, ...needs }), sanitizeOps: false, sanitizeResources: false, fn });
}

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
  /** Windows that were emptied: a new one starts a process of the browser, which takes longer than most tests. */
  const idle: BrowserWindow[] = [];
  Deno.test.beforeAll(async () => {
    if (CHROMIUM === undefined) return;
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      // Root, as in a container, has no sandbox. Only the gateway's page is opened.
      args: ["--no-sandbox", "--no-proxy-server", "--disable-gpu", ...args],
    });
  });
  Deno.test.afterAll(async () => await browser?.close());
  return async (url, { look = LOOKS[0], ...options } = {}) => {
    if (browser === undefined) throw new Error("The browser is not started");
    const hasOptions = Object.keys(options).length > 0;
    const window = (hasOptions ? undefined : idle.pop()) ?? await openWindow(
      await browser.newContext({
        reducedMotion: "reduce",
        ...options,
      }),
    );
    return await window.open(url, {
      look,
      onClose: () => hasOptions ? window.close() : window.empty().then(() => void idle.push(window)),
    });
  };
}
