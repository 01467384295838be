/** Pages with a screen of a home that one file of tests shares. */
import { type OpenedPage, type OpenOptions, useBrowser } from "./browser.ts";
import type { TestHome } from "./home.ts";
import { makeLink } from "./pairing.ts";
import { useHome } from "./shared_home.ts";

/** Home of a file of tests, and the functions to test one of its screens. */
export interface ScreenTests {
  /** Returns the home. */
  readonly theHome: () => TestHome;
  /** Opens the first screen with a new key of some rights. */
  readonly openHome: (rights: readonly string[], options?: OpenOptions) => Promise<OpenedPage>;
  /** Opens the screen with a new key of some rights. */
  readonly openScreen: (rights: readonly string[], options?: OpenOptions) => Promise<OpenedPage>;
}

/**
 * Starts a home before the tests of a file.
 *
 * @param screen name of the screen in the navigation
 * @param start starts the home; one with the services of the demo by default
 */
export function useScreen(screen: string, start?: () => Promise<TestHome>): ScreenTests {
  const openPage = useBrowser();
  const theHome = useHome(start);
  let keys = 0;
  async function openHome(rights: readonly string[], options: OpenOptions = {}): Promise<OpenedPage> {
    keys += 1;
    const opened = await openPage(await makeLink(theHome(), "pair", `phone-${keys}`, ...rights), options);
    await opened.page.locator(".screen h1").waitFor();
    return opened;
  }
  return {
    theHome,
    openHome,
    async openScreen(rights, options) {
      const opened = await openHome(rights, options);
      await opened.page.locator(".nav a", { hasText: screen }).click();
      await opened.page.locator("h1", { hasText: screen }).waitFor();
      return opened;
    },
  };
}
