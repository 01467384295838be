/** What a browser sends for a page: another site's pages count for nothing, the gateway's own and apps work. */
import { assertEquals } from "@std/assert";
import { memoryCounter } from "../../src/limits/rate_limiter.ts";
import { createRateLimits } from "../../src/limits/rate_limits.ts";
import { isCrossSite } from "../../src/http/cross_origin.ts";
import { FakeTime } from "../support/fake_time.ts";
import { makeGateway } from "../support/gateway.ts";

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

Deno.test("a request for a page of another site is refused with 403 on every route, its body unread", async () => {
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

Deno.test("a page of the gateway is its own where a proxy writes its port into the Host header", () => {
  const isRefused = (url: string, origin: string) =>
    isCrossSite(new Request(url, { method: "POST", headers: { "Origin": origin } }), undefined);
  assertEquals(isRefused("http://home.example:443/gateway", "https://home.example"), false);
  assertEquals(isRefused("http://home.example:80/gateway", "http://home.example"), false);
  assertEquals(isRefused("http://home.example:8443/gateway", "https://home.example:8443"), false);
  assertEquals(isRefused("http://home.example:8443/gateway", "https://home.example"), true);
});

Deno.test("a request for the gateway's own page, or of an app, is answered", async () => {
  const gateway = await makeGateway({ publicUrl: new URL("https://phones.example/prefix") });
  for (const headers of OWN) {
    const phone = await gateway.phone(gateway.secret, { headers });
    assertEquals((await phone.request("/gateway", {})).status, 200, JSON.stringify(headers));
  }
});

Deno.test("any number of requests for hostile pages count neither as requests nor as failures of the address", async () => {
  using _time = new FakeTime();
  const rate = { burst: 10, perSecond: 1 };
  const gateway = await makeGateway({
    rates: createRateLimits({ address: rate, failed: rate, key: rate, createCounter: memoryCounter }),
  });
  const page = await gateway.phone(gateway.secret, { headers: { "Sec-Fetch-Site": "cross-site" } });
  for (let index = 0; index < 100; index++) assertEquals((await page.post("/gateway", "garbage")).status, 403);
  assertEquals((await gateway.request("/gateway", {})).status, 200);
});

Deno.test("health is told to pages of any site", async () => {
  const gateway = await makeGateway();
  const headers = { "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example" };
  assertEquals((await gateway.send(new Request("http://gateway/health", { headers }))).status, 200);
});
