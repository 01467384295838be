import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parseSettings } from "../../../src/config/parse.ts";
import { permissionFlags } from "../../../src/config/sandbox.ts";
import { settingsTable } from "../../../src/config/settings.ts";
import { openAnswer } from "../../../src/protocol/exchange.ts";
import { http } from "../../../src/services/http/http.ts";
import { SERVICES } from "../../../src/services/registry.ts";
import { makeGateway, makeRecord } from "../../support/gateway.ts";
import { makeHttpService, startHttpServer } from "../../support/http_service.ts";
import { fakePlatform } from "../../support/platform.ts";

const configOf = (variables: Readonly<Record<string, string>> = {}) =>
  parseSettings(settingsTable(SERVICES), [variables]);

const TARGETS = {
  address: { url: "http://192.168.1.20:5000/base", paths: ["/**"] },
  name: { url: "https://nas.lan", paths: ["/**"], caFile: "data/ca.pem" },
  v6: { url: "http://[fd00::1]", paths: ["/**"] },
};

Deno.test("allowNet() allows the targets, and nothing without any", () => {
  assertEquals(http.allowNet(configOf(), {}), []);
  assertEquals(http.allowNet(configOf(), { http: TARGETS }), ["192.168.1.20:5000", "nas.lan:443", "[fd00::1]:80"]);
});

Deno.test("allowNet() allows a name on one of the gateway's own ports with any port, so that it can be resolved", () => {
  const own = { own: { url: "http://nas.lan:9464", paths: ["/**"] } };
  assertEquals(http.allowNet(configOf(), { http: own }), ["nas.lan"]);
});

Deno.test("allowNet() allows addresses of HTTP_ALLOWED, and the whole network for a name", () => {
  const of = (allowed: string) => http.allowNet(configOf({ HTTP_ALLOWED: allowed }), {});
  assertEquals(of("http://192.168.1.20:5000/api 10.0.0.0/8 https://10.1.0.0/16 http://[fd00::1]:*"), [
    "192.168.1.20:5000",
    "10.0.0.0/8",
    "10.1.0.0/16:443",
    "[fd00::1]",
  ]);
  for (const allowed of ["*", "http://nas.lan", "*.example", "[fd00::/8]", "10.0.0.0/8,nas.lan"]) {
    assertEquals(of(allowed), undefined, allowed);
  }
});

Deno.test("the sandbox may read the certificates of targets", () => {
  const flags = permissionFlags(configOf(), undefined, { sections: { http: TARGETS } });
  assert(flags.find((flag) => flag.startsWith("--allow-read="))?.split(/[=,]/).includes("data/ca.pem"));
});

Deno.test("checkFiles() names the file of a target that cannot be used", async () => {
  const checks = http.checkFiles?.(configOf(), fakePlatform(), {
    http: { a: { url: "https://nas.lan", paths: ["/**"], caFile: "/nowhere/ca.pem" }, b: TARGETS.address },
  }) ?? [];
  assertEquals(checks.length, 1);
  const error = await assertRejects(() => Promise.all(checks), Error);
  assertStringIncludes(error.message, 'http.a.caFile "/nowhere/ca.pem" cannot be read');
});

Deno.test("HTTP_ALLOWED names its rule", () => {
  const { rule } = http.settings.settings.allowed;
  assertEquals(rule.safeParse("ftp://x").error?.issues[0]?.message.startsWith("must be a list of [http://]host"), true);
});

for (const version of [1, 2] as const) {
  Deno.test(`POST /gateway reaches targets and URLs in version ${version}, without service as the newer gateway has it`, async () => {
    await using server = startHttpServer(({ url }) =>
      new URL(url).pathname === "/api/raw"
        ? new Response(new Uint8Array([0, 255]), { headers: { "Content-Type": "image/x" } })
        : Response.json({ ok: 1 }, { status: 404, headers: [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"]] })
    );
    await using home = makeHttpService({
      targets: { a: { url: server.origin, paths: ["/api/**"], methods: ["GET", "POST"] } },
    });
    const gateway = await makeGateway({ services: (mqtt) => [mqtt, home.service] });
    const record = makeRecord({
      name: "phone",
      rights: { http: { targets: ["a"], methods: ["*"], paths: ["/**"], urls: [] } },
    });
    await gateway.keyring.replace({ single: undefined, records: [record] });
    const phone = await gateway.phone(record.secret, { version });
    const ask = async (payload: Record<string, unknown>): Promise<Record<string, unknown>> => {
      const { response, exchange } = await phone.exchange("/gateway", payload);
      return JSON.parse(await openAnswer(exchange, await response.text()));
    };
    const newer = await ask({ url: `${server.origin}/api/x`, body: { n: 1.5 } });
    assertEquals([newer["status"], newer["body"], newer["source"], newer["service"]], [
      404,
      { ok: 1 },
      undefined,
      "http",
    ]);
    assertEquals((newer["headers"] as Record<string, string>)["set-cookie"], "a=1\nb=2");
    assertEquals(server.seen[0]?.body, '{"n":1.5}');
    assertEquals(server.seen[0]?.headers.get("content-type"), "application/json");
    const raw = await ask({ host: server.origin, endpoint: "/api/raw", method: "GET", raw: true });
    assertEquals([raw["body"], raw["body_b64"], raw["content_type"]], [null, "AP8=", "image/x"]);
    const named = await ask({ service: "http", target: "a", path: "/api/x" });
    assertEquals(named["body"], { ok: 1 });
    const refused = await ask({ url: "http://192.168.1.1/" });
    assertEquals([refused["status"], refused["source"], JSON.parse(String(refused["body"]))], [403, "gateway", {
      error: "This key may not request http://192.168.1.1 or this path there",
      code: "scope",
    }]);
    const field = await ask({ service: "http", target: "a", path: "/api/../x" });
    assertEquals([field["status"], JSON.parse(String(field["body"])).code], [400, "field"]);
    assertEquals(gateway.decisions.map(({ service, target }) => `${service} ${target}`), [
      `http ${server.origin}`,
      `http ${server.origin}`,
      "http a",
      "http http://192.168.1.1",
      "http a",
    ]);
  });
}

Deno.test("POST /gateway keeps the digits of a body", async () => {
  await using server = startHttpServer();
  await using home = makeHttpService({ targets: { a: { url: server.origin, paths: ["/**"], methods: ["POST"] } } });
  const gateway = await makeGateway({ services: (mqtt) => [mqtt, home.service] });
  const record = makeRecord({
    name: "phone",
    rights: { http: { targets: ["a"], methods: ["*"], paths: ["/**"], urls: [] } },
  });
  await gateway.keyring.replace({ single: undefined, records: [record] });
  const phone = await gateway.phone(record.secret);
  const body =
    `{"timestamp":${gateway.clock.seconds},"url":"${server.origin}/x","body":{"a":1.0,"b":6066005651767221768}}`;
  await phone.post("/gateway", await phone.seal(body));
  assertEquals(server.seen[0]?.body, '{"a":1.0,"b":6066005651767221768}');
});
