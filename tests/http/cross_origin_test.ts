/** Pages of other origins: only those of ALLOWED_ORIGINS may use the gateway. */
import { assertEquals } from "@std/assert";
import { createRateLimits } from "../../src/limits/rate_limits.ts";
import { memoryCounter, UNLIMITED } from "../../src/limits/rate_limiter.ts";
import { FakeTime } from "../support/fake_time.ts";
import { makeBroker } from "../support/fake_broker.ts";
import { makeGateway, type Overrides } from "../support/gateway.ts";
import { isCrossSite } from "../../src/http/cross_origin.ts";

const APP = "https://app.example";
const OTHER = "https://evil.example";

/** Other spellings of the allowed origin, and values without an origin. */
const OTHERS = [
  OTHER,
  "http://app.example",
  `${APP}:8443`,
  `${APP}.evil.example`,
  "https://APP.example",
  "null",
  "*",
  "",
];

const ALLOWED = { allowedOrigins: [APP, "http://localhost:5173"] } as const;

const fromPage = (origin: string) => ({ "Origin": origin, "Sec-Fetch-Site": "cross-site" });

/** Returns the headers of a response that concern other origins. */
function corsHeaders({ headers }: Response): Readonly<Record<string, string>> {
  return Object.fromEntries([...headers].filter(([name]) => name === "vary" || name.startsWith("access-control-")));
}

const EXPOSED = "Retry-After, X-Request-Id, E2E-Protocol";
const SHARED = {
  "access-control-allow-origin": APP,
  "access-control-expose-headers": EXPOSED,
  vary: "Origin",
};
const PREFLIGHT = {
  ...SHARED,
  "access-control-allow-headers": "Content-Type, E2E-Key-Id",
  "access-control-allow-methods": "POST",
  "access-control-max-age": "7200",
};

/** Returns a preflight as browsers send it. */
function preflight(origin: string, { path = "/gateway", more = {} }: PreflightOptions = {}): Request {
  const headers = { ...fromPage(origin), "Access-Control-Request-Method": "POST", ...more };
  return new Request(`http://gateway${path}`, { method: "OPTIONS", headers });
}

interface PreflightOptions {
  readonly path?: string;
  readonly more?: Readonly<Record<string, string>>;
}

async function makePage(overrides: Overrides = {}, origin: string = APP) {
  const gateway = await makeGateway({ ...ALLOWED, ...overrides });
  return { gateway, page: await gateway.phone(gateway.secret, { headers: fromPage(origin), version: 2 }) };
}

Deno.test("a page of an allowed origin may use every route, and read the answers", async () => {
  const { gateway, page } = await makePage();
  for (const path of ["/gateway", "/mqtt/publish"] as const) {
    const { response, exchange } = await page.exchange(path, {});
    assertEquals([response.status, corsHeaders(response)], [200, SHARED]);
    assertEquals((await page.answer(response, exchange)).status, 200);
  }
  const health = await gateway.send(new Request("http://gateway/health", { headers: fromPage(APP) }));
  assertEquals([health.status, corsHeaders(health)], [200, SHARED]);
});

Deno.test("a page of an allowed origin may read a stream", async () => {
  const { connect } = makeBroker();
  await using gateway = await makeGateway({ ...ALLOWED, connect });
  const page = await gateway.phone(gateway.secret, { headers: fromPage(APP), version: 2 });
  const { response } = await page.exchange("/mqtt/subscribe", { topic: "t" });
  assertEquals([response.status, response.headers.get("Content-Type")], [200, "text/event-stream"]);
  assertEquals(corsHeaders(response), SHARED);
  await response.body?.cancel();
});

Deno.test("a page of an allowed origin may read every error and its Retry-After", async () => {
  using _time = new FakeTime();
  const one = { burst: 1, perSecond: 1 };
  const rates = createRateLimits({
    address: { burst: 3, perSecond: 1 },
    failed: one,
    key: one,
    createCounter: memoryCounter,
  });
  const { gateway, page } = await makePage({ rates, requests: { maxBodyBytes: 100 } });
  const refusals = [
    [await page.post("/gateway", "x".repeat(101)), 413],
    [await page.post("/gateway", "garbage"), 401],
    [await page.post("/gateway", "garbage"), 429],
    [await page.post("/gateway", "garbage"), 429],
    [await page.post("/nothing", ""), 404],
    [await gateway.send(new Request("http://gateway/gateway", { headers: fromPage(APP) })), 405],
  ] as const;
  for (const [response, status] of refusals) {
    assertEquals([response.status, corsHeaders(response)], [status, SHARED]);
    assertEquals(response.headers.has("Retry-After"), status === 429);
  }
});

Deno.test("a page of an allowed origin may read an internal error", async () => {
  const { page } = await makePage({
    rates: {
      requests: { take: () => Promise.reject(new Error("Broken")), peek: () => Promise.resolve(0) },
      failures: { take: () => Promise.resolve(0), peek: () => Promise.resolve(0) },
      files: UNLIMITED,
      takeKey: () => Promise.resolve(0),
    },
  });
  const response = await page.post("/gateway", "x");
  assertEquals([response.status, corsHeaders(response)], [500, SHARED]);
});

Deno.test("a page of any other origin is refused, without CORS headers", async () => {
  for (const origin of OTHERS) {
    const { gateway, page } = await makePage({}, origin);
    const response = await page.ask("/gateway", {});
    assertEquals([response.status, await response.json()], [403, { error: "Cross-site request" }], origin);
    assertEquals(corsHeaders(response), { vary: "Origin" });
    assertEquals([gateway.calls.length, gateway.failures.length], [0, 0]);
  }
});

Deno.test("an app without an origin is answered, with Vary", async () => {
  const gateway = await makeGateway(ALLOWED);
  const response = await gateway.ask("/gateway", {});
  assertEquals([response.status, corsHeaders(response)], [200, { vary: "Origin" }]);
});

Deno.test("a preflight of an allowed origin is answered with the headers that clients send, on every route", async () => {
  const gateway = await makeGateway(ALLOWED);
  for (const path of ["/gateway", "/mqtt/publish", "/mqtt/subscribe", "//gateway"]) {
    const response = await gateway.send(preflight(APP, { path }));
    assertEquals([response.status, corsHeaders(response), await response.text()], [204, PREFLIGHT, ""]);
  }
  const health = await gateway.send(preflight(APP, { path: "/health" }));
  assertEquals(health.headers.get("Access-Control-Allow-Methods"), "GET, HEAD");
});

Deno.test("a preflight for a private network is allowed to an allowed origin only", async () => {
  const gateway = await makeGateway(ALLOWED);
  const more = { "Access-Control-Request-Private-Network": "true" };
  const allowed = await gateway.send(preflight(APP, { more }));
  assertEquals(corsHeaders(allowed), { ...PREFLIGHT, "access-control-allow-private-network": "true" });
  assertEquals(corsHeaders(await gateway.send(preflight(OTHER, { more }))), { vary: "Origin" });
});

Deno.test("a preflight of any other origin is refused, without CORS headers", async () => {
  const gateway = await makeGateway(ALLOWED);
  for (const origin of OTHERS) {
    const response = await gateway.send(preflight(origin));
    assertEquals([response.status, corsHeaders(response)], [403, { vary: "Origin" }], origin);
  }
});

Deno.test("preflights count as requests of their address, unless their origin is not allowed", async () => {
  using _time = new FakeTime();
  const rate = { burst: 2, perSecond: 1 };
  const gateway = await makeGateway({
    ...ALLOWED,
    rates: createRateLimits({ address: rate, failed: rate, key: rate, createCounter: memoryCounter }),
  });
  for (let index = 0; index < 10; index++) assertEquals((await gateway.send(preflight(OTHER))).status, 403);
  const statuses: number[] = [];
  for (let index = 0; index < 3; index++) statuses.push((await gateway.send(preflight(APP))).status);
  assertEquals(statuses, [204, 204, 429]);
  assertEquals((await gateway.ask("/gateway", {})).status, 429);
});

Deno.test("OPTIONS without a preflight's headers returns 405", async () => {
  const gateway = await makeGateway(ALLOWED);
  const response = await gateway.send(
    new Request("http://gateway/gateway", { method: "OPTIONS", headers: fromPage(APP) }),
  );
  assertEquals([response.status, response.headers.get("Allow")], [405, "POST"]);
});

Deno.test("no response has CORS headers when ALLOWED_ORIGINS is empty", async () => {
  const gateway = await makeGateway();
  for (const origin of [APP, "null", ""]) {
    const page = await gateway.phone(gateway.secret, { headers: fromPage(origin) });
    for (const response of [await page.ask("/gateway", {}), await gateway.send(preflight(origin))]) {
      assertEquals([response.status, corsHeaders(response)], [response.status === 405 ? 405 : 403, {}]);
    }
  }
  assertEquals(corsHeaders(await gateway.ask("/gateway", {})), {});
});

const REFUSED = '{"error":"Cross-site request"}';

const CROSS_SITE: readonly Record<string, string>[] = [
  { "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example" },
  { "Sec-Fetch-Site": "cross-site", "Origin": "null" },
  { "Sec-Fetch-Site": "cross-site" },
  { "Sec-Fetch-Site": "same-site", "Origin": "https://other.gateway" },
  { "Origin": "https://evil.example" },
  { "Origin": "http://gateway.evil.example" },
  { "Origin": "http://gateway:8080" },
];

const OWN: readonly Record<string, string>[] = [
  {},
  { "Sec-Fetch-Site": "same-origin", "Origin": "http://gateway" },
  // Behind a tunnel that changes the Host header.
  { "Sec-Fetch-Site": "same-origin", "Origin": "https://home.example" },
  { "Sec-Fetch-Site": "none" },
  { "Origin": "http://gateway" },
  // Behind a proxy that ends TLS.
  { "Origin": "https://gateway" },
  { "Origin": "https://phones.example" },
  // Apps.
  { "Origin": "null" },
  { "Origin": "file://" },
  { "Origin": "capacitor://localhost" },
  { "Origin": "http://localhost" },
  { "Origin": "https://localhost" },
];

Deno.test("a cross-site request is refused with 403 on every route, its body unread", async () => {
  const gateway = await makeGateway();
  for (const path of ["/gateway", "/mqtt/publish", "/mqtt/subscribe"]) {
    for (const headers of CROSS_SITE) {
      let pulled = false;
      const body = new ReadableStream({ pull: () => void (pulled = true) }, { highWaterMark: 0 });
      const request = new Request(`http://gateway${path}`, { method: "POST", body, headers });
      const response = await gateway.send(request);
      assertEquals([response.status, await response.text()], [403, REFUSED], JSON.stringify(headers));
      assertEquals(response.headers.get("Access-Control-Allow-Origin"), null);
      assertEquals(pulled, false);
    }
  }
  assertEquals([gateway.calls.length, gateway.failures.length], [0, 0]);
});

Deno.test("isCrossSite() returns false for the gateway's own page when a proxy writes its port into the Host header", () => {
  const isRefused = (url: string, origin: string) =>
    isCrossSite(new Request(url, { method: "POST", headers: { "Origin": origin } }), undefined);
  assertEquals(isRefused("http://home.example:443/gateway", "https://home.example"), false);
  assertEquals(isRefused("http://home.example:80/gateway", "http://home.example"), false);
  assertEquals(isRefused("http://home.example:8443/gateway", "https://home.example:8443"), false);
  assertEquals(isRefused("http://home.example:8443/gateway", "https://home.example"), true);
});

Deno.test("a request of the gateway's own page or of an app is answered", async () => {
  const gateway = await makeGateway({ publicUrl: new URL("https://phones.example/prefix") });
  for (const headers of OWN) {
    const phone = await gateway.phone(gateway.secret, { headers });
    assertEquals((await phone.request("/gateway", {})).status, 200, JSON.stringify(headers));
  }
});

Deno.test("cross-site requests count neither as requests nor as failures of the address", async () => {
  using _time = new FakeTime();
  const rate = { burst: 10, perSecond: 1 };
  const gateway = await makeGateway({
    rates: createRateLimits({ address: rate, failed: rate, key: rate, createCounter: memoryCounter }),
  });
  const page = await gateway.phone(gateway.secret, { headers: { "Sec-Fetch-Site": "cross-site" } });
  for (let index = 0; index < 100; index++) assertEquals((await page.post("/gateway", "garbage")).status, 403);
  assertEquals((await gateway.request("/gateway", {})).status, 200);
});

Deno.test("GET /health answers pages of any site", async () => {
  const gateway = await makeGateway();
  const headers = { "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example" };
  assertEquals((await gateway.send(new Request("http://gateway/health", { headers }))).status, 200);
});
