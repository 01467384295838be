import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { SimulatedHome } from "../../../src/demo/simulated_home.ts";
import { createSimulatedJeedom, type JeedomMode, type JeedomSettings } from "../../../src/demo/simulated_jeedom.ts";
import { CLOCK_CHECK } from "../../../src/services/jeedom/clock.ts";
import { JEEDOM_CHECK } from "../../../src/services/jeedom/doctor.ts";
import type { Status } from "../../../src/doctor/check.ts";
import { answering, fetchFailure, makeContext, NEVER_ABORTED, NOW } from "../../support/doctor_context.ts";

const APIKEY = "a key of Jeedom";

function simulated() {
  const asked: string[] = [];
  const jeedom = createSimulatedJeedom({
    apikey: APIKEY,
    home: new SimulatedHome(() => Date.now()),
    now: () => Date.now(),
  });
  const fetchIt: typeof fetch = (input, init) => {
    asked.push(String(init?.body));
    // An address that Jeedom would ban.
    return jeedom.handle(new Request(input, init), "203.0.113.9");
  };
  return { asked, jeedom, fetch: fetchIt };
}

const runCheck = (fetch: typeof globalThis.fetch, apikey?: string) =>
  JEEDOM_CHECK.run(
    makeContext({ env: { JEEDOM_APIKEY: apikey }, machine: { fetch }, now: () => Date.now() }),
    NEVER_ABORTED,
  );

Deno.test("jeedom is ok with a valid key, and with none", async () => {
  assertEquals((await runCheck(simulated().fetch, APIKEY)).status, "ok");
  const without = await runCheck(simulated().fetch);
  assertEquals(without.status, "ok");
  assertStringIncludes(without.message, "JEEDOM_APIKEY is not set");
});

Deno.test("jeedom is ok when PHP writes warnings around its answers, as calls still work", async () => {
  const { fetch } = simulated();
  const withWarning: typeof fetch = async (input, init) =>
    new Response(`<b>Warning</b>: x<br />\n${await (await fetch(input, init)).text()}`);
  assertEquals((await runCheck(withWarning, APIKEY)).status, "ok");
});

Deno.test("jeedom tests a wrong key once in a round, and never shows it", async () => {
  const { fetch, asked } = simulated();
  const wrong = "the key of the neighbours";
  const context = makeContext({ env: { JEEDOM_APIKEY: wrong }, machine: { fetch }, now: () => Date.now() });
  const [found, clock] = await Promise.all([
    JEEDOM_CHECK.run(context, NEVER_ABORTED),
    CLOCK_CHECK.run(context, NEVER_ABORTED),
  ]);
  assertEquals(found.status, "failed");
  assertStringIncludes(found.message, "refuses JEEDOM_APIKEY (error 2)");
  assertEquals(asked.filter((body) => body.includes(wrong)).length, 1);
  assertEquals(JSON.stringify([found, clock]).includes(wrong), false);
});

Deno.test("jeedom is not banned for malformed requests after a hundred rounds", async () => {
  const { fetch } = simulated();
  for (let round = 0; round < 100; round++) {
    assertEquals((await runCheck(fetch, "wrong")).message.includes("404"), false);
  }
});

Deno.test("jeedom describes other responses and failures, with the remedy", async () => {
  for (
    const [fetch, message, remedy] of [
      [answering(404, "<html>", { "Content-Type": "text/html" }), "bans this machine", "white list"],
      [
        answering(301, "", { Location: "https://jeedom.example/?secret" }),
        "redirects to https://jeedom.example",
        "final",
      ],
      [answering(200, "<!doctype html>", { "Content-Type": "text/html" }), "a web page", "without a login"],
      [answering(200, "{}"), "something else than JSON-RPC", "Set JEEDOM_URL"],
      [answering(500), "HTTP 500", "http.error"],
      [
        answering(200, '{"jsonrpc":"2.0","error":{"code":-32001}}'),
        "refuses all calls (error -32001)",
        "Allow JSON-RPC",
      ],
      [fetchFailure("tcp connect error: Connection refused"), "nothing listens there", "web server"],
      [fetchFailure("client error (Connect): SELF_SIGNED_CERT"), "an unknown authority", "JEEDOM_CA_FILE"],
      [fetchFailure("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))"), "not valid", "JEEDOM_CA_FILE"],
      [fetchFailure("client error (Connect): ECONNREFUSED"), "nothing listens there", "web server"],
      [fetchFailure("dns error"), "no such name", "Fix the name"],
      [fetchFailure("invalid HTTP version parsed"), "does not speak HTTP", "Fix the port"],
      [fetchFailure("invalid HTTP version parsed"), "does not speak HTTP", "https://"],
      [fetchFailure("connection reset"), "closed the connection without a response", "needs https://"],
      [fetchFailure("Requests to port 6667 are blocked"), "HTTP clients block that port", "JEEDOM_URL"],
    ] as const
  ) {
    const found = await runCheck(fetch, APIKEY);
    assertEquals(found.status, "failed");
    assertStringIncludes(found.message, message);
    assertStringIncludes(found.remedy ?? "", remedy);
    assert(!JSON.stringify(found).includes("secret"));
  }
});

Deno.test("jeedom names each setting by which Jeedom refuses calls, with its page in Jeedom", async () => {
  const { jeedom, fetch } = simulated();
  const cases: readonly (readonly [JeedomSettings, Status, string, string])[] = [
    [
      { "api::core::mode": "disable" },
      "failed",
      "its API is disabled, or not allowed for this machine",
      '"API access"',
    ],
    [{ "api::core::mode": "whiteip" }, "failed", "(api::core::mode)", "white list"],
    [{ "api::forbidden::method": /^(ping|log::)/ }, "failed", "refuses ping (error -32000)", "Disallow api methods"],
    [{ "api::forbidden::method": /ping/ }, "failed", "api::forbidden::method", "not match ping"],
    [{ "api::allow::method": /^cmd::/ }, "failed", "api::allow::method", '"Only allow api methods (regexp)"'],
    [{ "api::allow::method": /^ping$/ }, "warning", "refuses datetime (error -32000)", "match datetime"],
    [{ "api::forbidden::method": /^date/ }, "warning", "JEEDOM_APIKEY could not be tested", "not match datetime"],
    [{ "api::core::restricted": true }, "failed", "api::core::restricted", "a user's key"],
  ];
  for (const [settings, status, message, remedy] of cases) {
    jeedom.settings = settings;
    const found = await runCheck(fetch, APIKEY);
    assertEquals(found.status, status, found.message);
    assertStringIncludes(found.message, message);
    assertStringIncludes(found.remedy ?? "", remedy);
    assertStringIncludes(found.remedy ?? "", "Settings, System");
    if (remedy.startsWith("match ") || remedy.startsWith("not match ")) {
      assertMatch(found.remedy ?? "", /, or empty it$/);
    }
  }
});

Deno.test("clock is compared with the header Date when Jeedom refuses ping", async () => {
  const refusing: typeof globalThis.fetch = () =>
    Promise.resolve(
      Response.json({ jsonrpc: "2.0", id: 1, error: { code: -32_000, message: "Non" } }, {
        headers: { Date: new Date(NOW).toUTCString() },
      }),
    );
  assertEquals((await CLOCK_CHECK.run(makeContext({ machine: { fetch: refusing } }), NEVER_ABORTED)).status, "ok");
});

Deno.test("jeedom describes each failure state of Jeedom, with the whole address", async () => {
  const { jeedom, fetch } = simulated();
  const runCheckAt = (url: string) =>
    JEEDOM_CHECK.run(
      makeContext({ env: { JEEDOM_URL: url }, machine: { fetch }, now: () => Date.now() }),
      NEVER_ABORTED,
    );
  const modes: readonly (readonly [JeedomMode, string, string])[] = [
    ["https-port", "http://jeedom:443 answers HTTP 400: that port speaks HTTPS", "https:// instead of http://"],
    ["database-down", "http://jeedom:443 answers HTTP 500: its database is down", "http.error"],
    ["page", "http://jeedom:443 answers HTTP 200 and a web page", "without a login"],
  ];
  for (const [mode, message, remedy] of modes) {
    jeedom.mode = mode;
    const found = await runCheckAt("http://jeedom:443/");
    assertEquals(found.status, "failed");
    assertStringIncludes(found.message, message);
    assertStringIncludes(found.remedy ?? "", remedy);
  }
  for (const mode of ["warning", "not-utf8", "normal"] as const) {
    jeedom.mode = mode;
    assertEquals(await runCheckAt("http://jeedom:443/"), {
      status: "ok",
      message: "http://jeedom:443 answers; JEEDOM_APIKEY is not set, so each request must include a key",
    });
  }
  for (
    const [path, message] of [
      ["/data", "http://jeedom/data answers HTTP 403: the web server forbids that path"],
      ["/core/class/", "http://jeedom/core/class answers HTTP 403: the web server forbids that path"],
      ["/jeedom/", "http://jeedom/jeedom answers HTTP 404: no Jeedom is there"],
    ] as const
  ) {
    const found = await runCheckAt(`http://jeedom${path}`);
    assertEquals([found.status, found.message], ["failed", message]);
    assertStringIncludes(found.remedy ?? "", "Fix the path in JEEDOM_URL: most often there is none");
    assertMatch(found.remedy ?? "", /JEEDOM_URL=http:\/\/jeedom$/);
  }
});

Deno.test("jeedom distinguishes a ban from a wrong path by Jeedom's own page", async () => {
  const { fetch } = simulated();
  const malformed = { method: "POST", body: "{}" };
  for (let time = 0; time <= 6; time++) {
    await (await fetch("http://jeedom/core/api/jeeApi.php", malformed)).body?.cancel();
  }
  const found = await runCheck(fetch, APIKEY);
  assertStringIncludes(found.message, "HTTP 404: Jeedom bans this machine for 10 minutes");
  assertStringIncludes(found.remedy ?? "", "Wait 10 minutes, or put this machine on Jeedom's white list");
});

Deno.test("jeedom describes proxies and other servers at its address", async () => {
  const page = { "Content-Type": "text/html" };
  const to = (Location: string) => answering(301, "", { Location });
  const nginx =
    "<center><h1>400 Bad Request</h1></center><center>The plain HTTP request was sent to HTTPS port</center>";
  for (
    const [fetch, message, remedy] of [
      [answering(400, nginx, page), "that port speaks HTTPS", "JEEDOM_CA_FILE"],
      [answering(400, "Client sent an HTTP request to an HTTPS server.\n"), "that port speaks HTTPS", "https://"],
      [answering(400, "<h1>Bad Request</h1>", page), "HTTP 400 and a web page", "JEEDOM_URL"],
      [answering(401, "", page), "HTTP 401: Jeedom is behind a login", "Remove the login"],
      [answering(403, "", page), "HTTP 403: the web server forbids that path", "allow /core/api/jeeApi.php"],
      [answering(405), "HTTP 405: the program there does not accept calls", "Set JEEDOM_URL"],
      [answering(500, "<b>Fatal error</b>", page), "HTTP 500: PHP or the web server failed", "http.error"],
      [answering(502, "", page), "HTTP 502: a proxy is there that does not reach Jeedom", "Check that Jeedom runs"],
      [answering(503, "", page), "HTTP 503: Jeedom's web server, or a proxy before it", "Check that Jeedom runs"],
      [answering(200, "", { "Content-Type": "application/json" }), "HTTP 200 and no JSON-RPC", "http.error"],
      [answering(200, "<?php\n"), "PHP does not run there", "Set JEEDOM_URL"],
      [answering(418, "tea"), "HTTP 418 and something else", "Set JEEDOM_URL"],
      [to("https://jeedom/core/api/jeeApi.php"), "redirects to https://jeedom", "JEEDOM_URL=https://jeedom"],
      [to("https://new/sub/core/api/jeeApi.php"), "redirects to https://new", "JEEDOM_URL=https://new/sub"],
      [to("/login?next=/core/api/jeeApi.php"), "redirects to http://jeedom", "without a login before it"],
      [to("http://["), "redirects to an invalid address", "final address"],
    ] as const
  ) {
    const context = makeContext({ env: { JEEDOM_URL: "http://jeedom" }, machine: { fetch } });
    const found = await JEEDOM_CHECK.run(context, NEVER_ABORTED);
    assertEquals(found.status, "failed");
    assertStringIncludes(found.message, `http://jeedom ${message.startsWith("redirects") ? "" : "answers "}`);
    assertStringIncludes(found.message, message);
    assertStringIncludes(found.remedy ?? "", remedy);
  }
});

Deno.test("jeedom is skipped when no setting names a Jeedom", async () => {
  const runCheckAt = (fetch: typeof globalThis.fetch, env = {}) =>
    JEEDOM_CHECK.run(makeContext({ env, machine: { fetch } }), NEVER_ABORTED);
  const refused = fetchFailure("tcp connect error: Connection refused");
  for (
    const [fetch, text] of [
      [refused, "http://localhost, which refuses connections: nothing listens there"],
      [answering(404, "<html>"), "http://localhost, which answers HTTP 404"],
      [answering(302, "", { Location: "/admin" }), "http://localhost, which redirects to another address"],
    ] as const
  ) {
    const { status, message, remedy } = await runCheckAt(fetch);
    assertEquals([status, remedy], ["skipped", "Set JEEDOM_URL, or READY_NEEDS=broker if you have none"]);
    assertStringIncludes(message, "Not set, and no Jeedom is at ");
    assertStringIncludes(message, text);
    const { remedy: none, ...unused } = await runCheckAt(fetch, { READY_NEEDS: "broker" });
    assertEquals([unused, none], [{ status: "skipped", message: "Not used: READY_NEEDS does not name it" }, undefined]);
    for (const env of [{ JEEDOM_URL: "http://localhost" }, { JEEDOM_APIKEY: "x" }, { READY_NEEDS: "jeedom,broker" }]) {
      assertEquals((await runCheckAt(fetch, env)).status, "failed", JSON.stringify(env));
    }
  }
  // A Jeedom that answers at the default address counts as set, whatever it answers.
  const { jeedom, fetch } = simulated();
  assertEquals((await runCheckAt(fetch)).status, "ok");
  jeedom.settings = { "api::core::mode": "disable" };
  assertEquals((await runCheckAt(fetch)).status, "failed");
});

Deno.test("jeedom reports a Jeedom that hangs at the time limit", async () => {
  const stop = new AbortController();
  const hanging: typeof fetch = (_, init) =>
    new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
  const running = JEEDOM_CHECK.run(makeContext({ machine: { fetch: hanging } }), stop.signal);
  stop.abort();
  assertStringIncludes((await running).message, "does not answer within 5 s");
});

Deno.test("jeedom reports a CA file that cannot be read, and sends nothing", async () => {
  const { fetch, asked } = simulated();
  const context = makeContext({
    env: { JEEDOM_URL: "https://jeedom", JEEDOM_CA_FILE: "ca.pem" },
    machine: {
      fetch,
      files: { ...Deno, readTextFile: () => Promise.reject(new Deno.errors.NotFound("No such file")) },
    },
  });
  const { status, message } = await JEEDOM_CHECK.run(context, NEVER_ABORTED);
  assertEquals([status, asked], ["failed", []]);
  assertStringIncludes(message, "JEEDOM_CA_FILE cannot be read, or holds no certificate");
});

Deno.test("jeedom explains a name of multicast DNS", async () => {
  const env = { JEEDOM_URL: "http://jeedom.local" };
  const found = await JEEDOM_CHECK.run(
    makeContext({ env, machine: { fetch: fetchFailure("dns error") } }),
    NEVER_ABORTED,
  );
  assertStringIncludes(found.message, "jeedom.local needs mDNS, which containers and this resolver lack");
});
