import { until, within } from "../support/deadline.ts";
import { findProgram } from "../support/programs.ts";
import { BUNDLE } from "./test_bundle.ts";
import type { Outcome } from "./test_collector.ts";

/** Path of the browser, where it is installed. */
export const CHROMIUM: string | undefined = findProgram(
  ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
  "REQUIRE_CHROMIUM",
);

/** Loopback is a secure context, with WebCrypto. */
const HOSTNAME = "127.0.0.1";

/** Sends the outcomes of the tests, or the reason why they did not run. */
const PAGE = `<!doctype html>
<title>Tests</title>
<script type="module">
  const report = (body) => fetch("/report", { method: "POST", body: JSON.stringify(body) });
  try {
    const { runTests } = await import("/${BUNDLE}");
    await report({ outcomes: await runTests() });
  } catch (error) {
    await report({ fault: String(error.stack ?? error) });
  }
</script>
`;

const FLAGS = [
  "--headless",
  // Root, as in a container, has no sandbox. Only the page below is opened.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-breakpad",
  "--no-first-run",
  "--no-proxy-server",
];

/** Report of the page. */
interface Report {
  readonly outcomes?: Outcome[];
  readonly fault?: string;
}

/**
 * Runs a bundle of tests in a page of its own.
 *
 * @param directory where the bundle is
 * @param chromium path of the browser
 */
export async function runInChromium(directory: string, chromium: string): Promise<Outcome[]> {
  const { promise: reported, resolve } = Promise.withResolvers<Report>();
  const server = Deno.serve({ hostname: HOSTNAME, port: 0, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/") return new Response(PAGE, { headers: { "Content-Type": "text/html" } });
    if (pathname === `/${BUNDLE}`) {
      const script = await Deno.readTextFile(`${directory}/${BUNDLE}`);
      return new Response(script, { headers: { "Content-Type": "text/javascript" } });
    }
    if (pathname === "/report") resolve(await request.json());
    return new Response();
  });
  const browser = await startChromium(chromium, `http://${HOSTNAME}:${server.addr.port}/`);
  const ended = browser.ended.then((): Report => ({ fault: "The browser has ended before its report" }));
  try {
    const { outcomes, fault } = await within("the page reports", Promise.race([reported, ended]), 120_000);
    if (outcomes === undefined) throw new Error(`The tests do not run in Chromium: ${fault}`);
    return outcomes;
  } finally {
    await browser.stop();
    await server.shutdown();
  }
}

/** A browser that shows a page. */
export interface Chromium {
  /** Settles when it has ended, by itself or not. */
  readonly ended: Promise<unknown>;
  /** Ends it, and removes what it has written. */
  stop(): Promise<void>;
}

/**
 * Starts a browser with a profile of its own.
 *
 * @param chromium path of the browser
 * @param url the page to show
 * @param flags further options of its command line
 */
export async function startChromium(
  chromium: string,
  url: string,
  { flags = [] }: { readonly flags?: readonly string[] | undefined } = {},
): Promise<Chromium> {
  const profile = await Deno.makeTempDir({ prefix: "chromium-" });
  const browser = new Deno.Command(chromium, {
    args: [...FLAGS, ...flags, `--user-data-dir=${profile}`, url],
    // It does not remove its sockets among temporary files.
    env: { TMPDIR: profile },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  return {
    ended: browser.status,
    async stop() {
      close(browser);
      await browser.status;
      // Its helper processes outlive it for a moment, and still write.
      await until("the browser's profile is removed", () => isRemoved(profile));
    },
  };
}

async function isRemoved(directory: string): Promise<boolean> {
  try {
    await Deno.remove(directory, { recursive: true });
    return true;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

function close(browser: Deno.ChildProcess): void {
  try {
    browser.kill("SIGTERM");
  } catch {
    // It has ended by itself.
  }
}
