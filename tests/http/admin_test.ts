import { assertEquals, assertMatch } from "@std/assert";
import { getLogger } from "@logtape/logtape";
import { type AdminOptions, createAdminHandler } from "../../src/http/admin.ts";
import type { PushStatus } from "../../src/push/push_status.ts";
import type { RefusalCount } from "../../src/observability/recent_refusals.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";

const PUSH: PushStatus = {
  ...{ enabled: true, queue: 2, oldestSeconds: 7 },
  devices: [{ key: "phone", id: "0123456789abcdef", host: "fcm.googleapis.com" }],
};

const REFUSALS: readonly RefusalCount[] = [{ cause: "old_secret", requests: 6, key: "annas-phone" }];

function makeHandler(
  readiness: Partial<AdminOptions["readiness"]> = {},
  { listensOn = "127.0.0.1", host = "127.0.0.1:9464" } = {},
) {
  const handler = createAdminHandler({
    metrics: { contentType: "text/plain; version=0.0.4", text: () => Promise.resolve("ready 1\n") },
    readiness: {
      dependencies: ["broker", "jeedom", "replay_store"],
      isReady: true,
      failing: [],
      up: new Map([["broker", true]]),
      ageSeconds: undefined,
      ...readiness,
    },
    refusals: { list: () => REFUSALS },
    push: () => Promise.resolve(PUSH),
    version: "1.2.3",
    listensOn,
    randomBytes,
    log: getLogger("test"),
  });
  return (path: string, init?: RequestInit) => handler(new Request(`http://${host}${path}`, init), "127.0.0.1");
}

Deno.test("GET /metrics returns the metrics' text", async () => {
  const response = await makeHandler()("/metrics");
  assertEquals([response.status, response.headers.get("Content-Type")], [200, "text/plain; version=0.0.4"]);
  assertEquals(await response.text(), "ready 1\n");
});

Deno.test("GET /health/ready names each dependency, and those that fail", async () => {
  const good = await makeHandler()("/health/ready");
  assertEquals([good.status, await good.json()], [200, {
    status: "ok",
    failing: [],
    parts: { broker: "ok", jeedom: "unknown", replay_store: "unknown" },
  }]);
  const bad = await makeHandler({
    isReady: false,
    failing: ["jeedom", "stopping"],
    up: new Map([["jeedom", false], ["replay_store", true]]),
  })("/health/ready");
  assertEquals([bad.status, await bad.json()], [503, {
    status: "unavailable",
    failing: ["jeedom", "stopping"],
    parts: { broker: "unknown", jeedom: "failed", replay_store: "ok" },
  }]);
});

Deno.test("GET /push returns the queue and the devices of push messages, and may not be cached", async () => {
  const response = await makeHandler()("/push");
  assertEquals([response.status, response.headers.get("Cache-Control")], [200, "no-store"]);
  assertEquals(await response.json(), PUSH);
});

Deno.test("GET /refusals returns the requests refused in the last minutes, and may not be cached", async () => {
  const response = await makeHandler()("/refusals");
  assertEquals([response.status, response.headers.get("Cache-Control")], [200, "no-store"]);
  assertEquals(await response.json(), { minutes: 10, refusals: REFUSALS });
});

Deno.test("GET /health/ready returns the age of its checks in whole seconds, and none before the first", async () => {
  const ageOf = async (ageSeconds: number | undefined) =>
    (await makeHandler({ ageSeconds })("/health/ready")).headers.get("Age");
  assertEquals([await ageOf(undefined), await ageOf(0), await ageOf(12.4)], [null, "0", "12"]);
});

Deno.test("GET /health and /health/live answer as long as the process does", async () => {
  const send = makeHandler({ isReady: false, failing: ["broker"] });
  assertEquals(await (await send("/health")).json(), { status: "ok", version: "1.2.3" });
  assertEquals(await (await send("/health/live")).json(), { status: "ok" });
});

Deno.test("other paths return 404, other methods 405, and each response has an id", async () => {
  const send = makeHandler();
  const [lost, wrong] = [await send("/gateway"), await send("/metrics", { method: "POST" })];
  assertEquals([lost.status, wrong.status, wrong.headers.get("Allow")], [404, 405, "GET, HEAD"]);
  assertMatch(lost.headers.get("X-Request-Id") ?? "", /^[0-9a-f]{16}$/);
});

Deno.test("a port on loopback answers requests for localhost and loopback addresses", async () => {
  const statuses = async (listensOn: string, hosts: readonly string[]) =>
    await Promise.all(hosts.map(async (host) => (await makeHandler({}, { listensOn, host })("/metrics")).status));
  const here = ["localhost", "LOCALHOST:9464", "127.0.0.1:9464", "127.5.4.3", "[::1]:9464", "[::ffff:127.0.0.1]"];
  for (const listensOn of ["127.0.0.1", "::1", "localhost"]) {
    assertEquals(await statuses(listensOn, here), here.map(() => 200));
  }
});

Deno.test("a port on loopback refuses names that a tunnel or DNS rebinding leads to it", async () => {
  const names = [
    "home.tailnet.ts.net",
    "gateway.example.org",
    "127.0.0.1.example",
    "localhost.evil.example",
    "192.0.2.1",
  ];
  for (const host of names) {
    for (const path of ["/metrics", "/refusals", "/health", "/health/ready", "/nothing"]) {
      const response = await makeHandler({}, { host })(path);
      const { error } = await response.json();
      assertEquals([response.status, error], [421, "Only for this machine: ask for 127.0.0.1 or localhost"], host);
    }
  }
});

Deno.test("a port on other addresses answers requests for every name", async () => {
  for (const listensOn of ["0.0.0.0", "192.168.1.20", "::"]) {
    assertEquals((await makeHandler({}, { listensOn, host: "gateway.lan:9464" })("/metrics")).status, 200);
  }
});
