/** One home for all tests of a file. */
import { NEEDS } from "./browser.ts";
import { startHome, type TestHome } from "./home.ts";

/**
 * Starts a home before the tests of a file, and ends it after them.
 *
 * @param start starts the home; one with the services of the demo by default
 * @returns the function that returns the home
 */
export function useHome(start: () => Promise<TestHome> = () => startHome()): () => TestHome {
  let home: TestHome | undefined;
  Deno.test.beforeAll(async () => {
    if (NEEDS.chromium !== undefined) home = await start();
  });
  Deno.test.afterAll(async () => await home?.[Symbol.asyncDispose]());
  return () => {
    if (home === undefined) throw new Error("The home is not started");
    return home;
  };
}
