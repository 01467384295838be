/** The TypeScript client in a page of another origin, in a real browser, with and without ALLOWED_ORIGINS. */
import { assertEquals, assertGreater, assertMatch, assertStringIncludes } from "@std/assert";
import { within } from "../support/deadline.ts";
import { needing } from "../support/needs.ts";
import { CHROMIUM, startChromium } from "../portable/run_in_chromium.ts";
import { runProgram } from "../portable/run_program.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";

const ROOT = new URL("../../", import.meta.url);
const CLIENT = "client.mjs";
const WRONG_KEY = "0123456789abcdef".repeat(4);

/** Results of a page. */
interface Report {
  readonly origin: string;
  readonly outcome?: unknown;
  readonly fault?: string;
}

/** Source of a function that reports an error of the client. */
const SHOW = `
  const show = ({ code, status, message, retryAfterMs }) => ({ code, status, message, retryAfterMs });
  const fails = (call) => call.then((value) => ({ value }), show);
`;

/** Source of a page that publishes, subscribes, and sends requests with a wrong key until it is rate-limited. */
const useGateway = (url: string, key: string) =>
  `${SHOW}
  const client = new GatewayClient({ url: "${url}", key: "${key}" });
  const stop = new AbortController();
  const seen = [];
  for await (const event of client.subscribe(["t"], { signal: stop.signal })) {
    seen.push(event.type);
    if (event.type === "connected") await client.publish("t", "from a page");
    if (event.type === "message") { seen.push(event.payload); break; }
  }
  const stranger = new GatewayClient({ url: "${url}", key: "${WRONG_KEY}" });
  const refused = await fails(stranger.publish("t", "m"));
  let limited;
  do {
    const errors = await Promise.all(Array.from({ length: 20 }, () => fails(stranger.publish("t", "m"))));
    limited = errors.find(({ code }) => code === "rate_limit");
  } while (limited === undefined);
  const health = await client.health();
  const { headers } = await fetch("${url}/gateway", { method: "POST", body: "x" });
  return { protocol: client.protocol, seen, refused, limited, health: health.status, id: headers.get("X-Request-Id") };
`;

/** Source of a page that publishes and reports the error. */
const tryGateway = (url: string, key: string) =>
  `${SHOW} return await fails(new GatewayClient({ url: "${url}", key: "${key}" }).publish("t", "m"));`;

let directory = "";

Deno.test.beforeAll(async () => {
  if (CHROMIUM === undefined) return;
  directory = await Deno.makeTempDir({ prefix: "browser-client-" });
  const bundle = ["bundle", "--quiet", "--platform", "browser", "--output", `${directory}/${CLIENT}`];
  await runProgram([Deno.execPath(), ...bundle, "src/client/gateway_client.ts"], { cwd: ROOT, env: { NO_COLOR: "1" } });
});

Deno.test.afterAll(async () => {
  if (directory !== "") await Deno.remove(directory, { recursive: true });
});

/** Web server with one page, under any name. */
function startSite() {
  let script = "";
  const { promise: reported, resolve } = Promise.withResolvers<Report>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/report") resolve(await request.json());
    if (pathname === `/${CLIENT}`) {
      return new Response(await Deno.readTextFile(`${directory}/${CLIENT}`), {
        headers: { "Content-Type": "text/javascript" },
      });
    }
    return new Response(pageOf(script), { headers: { "Content-Type": "text/html" } });
  });
  return {
    port: server.addr.port,
    reported,
    show: (body: string) => void (script = body),
    stop: () => server.shutdown(),
  };
}

const pageOf = (script: string) =>
  `<!doctype html>
<script type="module">
  const report = (body) =>
    fetch("/report", { method: "POST", body: JSON.stringify({ origin: location.origin, ...body }) });
  try {
    const { GatewayClient } = await import("/${CLIENT}");
    const run = async () => { ${script} };
    await report({ outcome: await run() });
  } catch (error) {
    await report({ fault: String(error.stack ?? error) });
  }
</script>
`;

/** Page to open, and its script for the URL and the key of the gateway. */
interface PageOptions {
  readonly pageHost: string;
  readonly allowedHost?: string | undefined;
  readonly gatewayHost: string;
  readonly script: (url: string, key: string) => string;
  readonly flags?: readonly string[] | undefined;
}

/** Opens a page in a browser, with a gateway that allows the pages of some origin, or of none. */
async function runPage({ pageHost, allowedHost, gatewayHost, script, flags }: PageOptions): Promise<Report> {
  const site = startSite();
  const ALLOWED_ORIGINS = allowedHost === undefined ? "" : `http://${allowedHost}:${site.port}`;
  const gateway = await startGatewayProcess({ ALLOWED_ORIGINS, FAILED_BURST: "1" });
  try {
    const { port } = new URL(gateway.url);
    site.show(script(`http://${gatewayHost}:${port}`, gateway.key));
    const browser = await startChromium(CHROMIUM ?? "chromium", `http://${pageHost}:${site.port}/`, { flags });
    try {
      return await within("the page reports", site.reported, 120_000);
    } finally {
      await browser.stop();
    }
  } finally {
    await site.stop();
    await gateway.stop();
  }
}

const NEEDS = { chromium: CHROMIUM };

for (const gatewayHost of ["127.0.0.1", "localhost"]) {
  const site = gatewayHost === "localhost" ? "another site" : "another port";
  Deno.test(
    needing(`a page of an allowed origin, ${site}, publishes, listens, and reads refusals`, NEEDS),
    async () => {
      const page = { pageHost: "127.0.0.1", allowedHost: "127.0.0.1", gatewayHost };
      const { outcome, fault } = await runPage({ ...page, script: useGateway });
      if (!isOutcome(outcome)) throw new Error(`The page fails: ${fault}`);
      const { refused, limited, id, ...rest } = outcome;
      assertEquals(rest, { protocol: 2, seen: ["connected", "message", "from a page"], health: "ok" });
      assertEquals([refused.code, refused.status], ["wrong_key", 401]);
      assertEquals([limited.code, limited.status], ["rate_limit", 429]);
      assertGreater(limited.retryAfterMs, 0);
      assertMatch(limited.message, /wait \d+ s$/);
      assertMatch(id, /^[0-9a-f]{16}$/);
    },
  );
}

/** Results of a page that may use the gateway. */
interface Outcome {
  readonly refused: Failure;
  readonly limited: Failure;
  readonly id: string;
}

interface Failure {
  readonly code: string;
  readonly status: number;
  readonly message: string;
  readonly retryAfterMs: number;
}

function isOutcome(value: unknown): value is Outcome {
  return typeof value === "object" && value !== null && "limited" in value;
}

Deno.test(
  needing("a page of an origin that is not allowed reads nothing, with and without other allowed origins", NEEDS),
  async () => {
    for (const allowedHost of [undefined, "localhost"]) {
      const page = { pageHost: "127.0.0.1", allowedHost, gatewayHost: "127.0.0.1" };
      const { origin, outcome, fault } = await runPage({ ...page, script: tryGateway });
      assertMatch(JSON.stringify(outcome), /"code":"unreachable","status":0/, fault);
      assertStringIncludes(JSON.stringify(outcome), `or its ALLOWED_ORIGINS does not name ${origin}`);
    }
  },
);

Deno.test(needing("a page over plain HTTP gets an error that names https and localhost", NEEDS), async () => {
  const { origin, outcome, fault } = await runPage({
    pageHost: "app.example",
    gatewayHost: "127.0.0.1",
    script: tryGateway,
    flags: ["--host-resolver-rules=MAP app.example 127.0.0.1"],
  });
  assertMatch(origin, /^http:\/\/app\.example:/);
  assertMatch(JSON.stringify(outcome), /"code":"no_webcrypto".*needs https or localhost/, fault);
});
