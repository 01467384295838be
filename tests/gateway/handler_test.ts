import { assert, assertEquals } from "@std/assert";
import { FieldError } from "../../src/protocol/payload.ts";
import { claims } from "../../src/services/http/request.ts";
import { ServiceError, textReply } from "../../src/services/service.ts";
import { makeGateway, NOW, services } from "../support/gateway.ts";

Deno.test("GET /health returns status and version without a key", async () => {
  const { send } = await makeGateway();
  const response = await send(new Request("http://gateway/health"));
  assertEquals([response.status, await response.json()], [200, { status: "ok", version: "1.2.3" }]);
});

Deno.test("an unknown path returns 404 in JSON", async () => {
  const { send } = await makeGateway();
  for (
    const path of ["/", "/gateway/", "/Gateway", "/mqtt", "/health/x", "//gateway/", "/mqtt//publish", "/mqtt/../admin"]
  ) {
    const response = await send(new Request(`http://gateway${path}`, { method: "POST" }));
    assertEquals([response.status, await response.json()], [404, { error: "Not found" }], path);
  }
});

Deno.test("leading slashes of a path count as one, and a request stays bound to its route", async () => {
  const gateway = await makeGateway();
  const phone = await gateway.phone(gateway.secret, { version: 2 });
  for (const route of ["/gateway", "/mqtt/publish"] as const) {
    for (const slashes of ["/", "//", "/////"]) {
      const { text, exchange } = await phone.sealNow(route, { topic: "t", message: "m" });
      const response = await phone.post(slashes + route, text);
      assertEquals((await phone.answer(response, exchange)).status, 200, slashes + route);
    }
  }
  assertEquals(gateway.calls.length, 6);
  for (const path of ["//health", "////health/live"]) {
    assertEquals((await gateway.send(new Request(`http://gateway${path}`))).status, 200, path);
  }
});

Deno.test("a wrong method returns 405 with Allow", async () => {
  const { send } = await makeGateway();
  for (
    const [path, method, allowed] of [
      ["/gateway", "GET", "POST"],
      ["/mqtt/publish", "PUT", "POST"],
      ["/mqtt/subscribe", "GET", "POST"],
      ["/health", "POST", "GET, HEAD"],
    ] as const
  ) {
    const response = await send(new Request(`http://gateway${path}`, { method }));
    assertEquals([response.status, response.headers.get("Allow")], [405, allowed]);
    assertEquals(await response.json(), { error: "Method not allowed" });
  }
});

Deno.test("POST /gateway calls Jeedom when no service is named, and the named service otherwise", async () => {
  const called: string[] = [];
  const gateway = await makeGateway({
    services: services((name) => {
      called.push(name);
      return Promise.resolve(textReply(200, name));
    }),
  });
  await gateway.request("/gateway", {});
  await gateway.request("/gateway", { service: null });
  await gateway.request("/gateway", { service: "jeedom" });
  await gateway.request("/gateway", { service: "mqtt" });
  await gateway.request("/mqtt/publish", {});
  await gateway.request("/mqtt/publish", { service: "mqtt" });
  assertEquals(called, ["jeedom", "jeedom", "jeedom", "mqtt", "mqtt", "mqtt"]);
});

Deno.test("POST /gateway refuses an unknown service", async () => {
  const gateway = await makeGateway();
  for (const service of ["ssh", "", 1, {}, [], "__proto__", "constructor"]) {
    const { status, body } = await gateway.request("/gateway", { service });
    const error = 'Unknown service: must be "jeedom" or "mqtt"';
    assertEquals([status, body], [403, JSON.stringify({ error, code: "unknown_service" })]);
  }
  assertEquals(gateway.calls.length, 0);
});

Deno.test("POST /gateway gives a request that names no service to the one that claims it, else to the first", async () => {
  const asked: string[] = [];
  const [jeedom, mqtt] = services((name) => {
    asked.push(name);
    return Promise.resolve(textReply(200, name));
  });
  if (jeedom === undefined || mqtt === undefined) throw new Error("No services");
  const gateway = await makeGateway({ services: [jeedom, { ...mqtt, claims }] });
  const web: Record<string, unknown>[] = [
    { url: "http://192.168.1.20/api" },
    { url: "http://192.168.1.20/api", method: "GET", service: null },
    { host: "192.168.1.20", endpoint: "/api", jsonrpc: null },
  ];
  const others: Record<string, unknown>[] = [
    { jsonrpc: "ping", url: "x" },
    { service: "jeedom", url: "x" },
    { host: "x" },
    { endpoint: "/core/api/jeeApi.php" },
    { url: null },
    {},
  ];
  for (const request of [...web, ...others]) {
    assertEquals((await gateway.request("/gateway", request)).status, 200);
  }
  assertEquals(asked, [...web.map(() => "mqtt"), ...others.map(() => "jeedom")]);
});

Deno.test("POST /gateway returns retry_after when a service is busy", async () => {
  const gateway = await makeGateway({
    services: services(() => Promise.reject(new ServiceError(429, "Busy", { code: "busy", retryAfterSeconds: 35 }))),
  });
  const { status, body } = await gateway.request("/gateway", {});
  const { error, retry_after: retryAfter } = JSON.parse(String(body));
  assertEquals([status, error, retryAfter], [429, "Busy", 35]);
  assertEquals(gateway.recorded.refused, ["busy"]);
});

Deno.test("POST /mqtt/publish refuses a request for another service", async () => {
  const gateway = await makeGateway();
  const { status, body } = await gateway.request("/mqtt/publish", { service: "jeedom", jsonrpc: "ping" });
  assertEquals(status, 400);
  assert(String(body).includes("Invalid field: service"));
  assertEquals(gateway.calls.length, 0);
});

Deno.test("an answer is an envelope of type application/octet-stream that may not be cached", async () => {
  const gateway = await makeGateway();
  const response = await gateway.post("/gateway", await gateway.seal({ timestamp: NOW }));
  assertEquals(response.headers.get("Content-Type"), "application/octet-stream");
  assertEquals(response.headers.get("Cache-Control"), "no-store");
  assertEquals(await gateway.answer(response), { status: 200, body: "call 1", timestamp: NOW });
});

Deno.test("any Content-Type of a request is accepted", async () => {
  const gateway = await makeGateway();
  for (const type of ["text/plain", "application/json", "application/x-www-form-urlencoded"]) {
    const body = await gateway.seal({ timestamp: NOW });
    const request = new Request("http://gateway/gateway", { method: "POST", body, headers: { "Content-Type": type } });
    assertEquals((await gateway.send(request)).status, 200);
  }
});

Deno.test("errors of services are sealed, with their status, as a JSON string", async () => {
  for (
    const [error, status, message, code] of [
      [new FieldError("Missing required field: topic"), 400, "Missing required field: topic", "field"],
      [
        new ServiceError(502, "Jeedom is unavailable", { code: "service_unreachable" }),
        502,
        "Jeedom is unavailable",
        "service_unreachable",
      ],
      [new TypeError("secret detail"), 500, "Internal error", "internal"],
    ] as const
  ) {
    const gateway = await makeGateway({ services: services(() => Promise.reject(error)) });
    const answer = await gateway.request("/gateway", {});
    assertEquals([answer.status, answer.body], [status, JSON.stringify({ error: message, code })]);
  }
});

Deno.test("a failed request is not executed again by its repeat either", async () => {
  let runs = 0;
  const gateway = await makeGateway({
    services: services(() => {
      runs += 1;
      return Promise.reject(new Error("Broken"));
    }),
  });
  const body = await gateway.seal({ timestamp: NOW });
  const first = await (await gateway.post("/gateway", body)).text();
  assertEquals(await (await gateway.post("/gateway", body)).text(), first);
  assertEquals(runs, 1);
});

Deno.test("an answer passes the JSON of a service unchanged, digit by digit", async () => {
  const bodyJson = '{"big":12345678901234567890,"one":1.0,"text":"\\u00e9"}';
  const gateway = await makeGateway({ services: services(() => Promise.resolve({ status: 200, bodyJson })) });
  const response = await gateway.post("/gateway", await gateway.seal({ timestamp: NOW }));
  const { openEnvelope, parseEnvelope } = await import("../../src/protocol/v1/envelope.ts");
  const text = await openEnvelope(gateway.key.aead, parseEnvelope(await response.text()));
  assertEquals(String(text), `{"status":200,"body":${bodyJson},"timestamp":${NOW}}`);
});

Deno.test("a request with a malformed URL returns 400", async () => {
  const { send } = await makeGateway();
  const request = new Request("http://gateway/health");
  Object.defineProperty(request, "url", { value: "http://a b/health" });
  assertEquals((await send(request)).status, 400);
});
