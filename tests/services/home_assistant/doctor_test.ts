import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { HOME_ASSISTANT_CHECK, HOME_ASSISTANT_CLOCK_CHECK } from "../../../src/services/home_assistant/doctor.ts";
import { answering, fetchFailure, makeContext, NEVER_ABORTED, NOW } from "../../support/doctor_context.ts";
import { startHomeAssistant } from "../../support/home_assistant_server.ts";

const TOKEN = "s3cret-t0ken";

const ENV = { "HOME_ASSISTANT_URL": "http://home.local:8123", "HOME_ASSISTANT_TOKEN": TOKEN };

const run = (fetch: typeof globalThis.fetch, env: Readonly<Record<string, string>> = ENV) =>
  HOME_ASSISTANT_CHECK.run(makeContext({ env, machine: { fetch } }), NEVER_ABORTED);

const runClock = (fetch: typeof globalThis.fetch) =>
  HOME_ASSISTANT_CLOCK_CHECK.run(makeContext({ env: ENV, machine: { fetch } }), NEVER_ABORTED);

Deno.test("home_assistant and home_assistant_clock are ok with a Home Assistant that accepts the token", async () => {
  await using server = startHomeAssistant();
  const client = Deno.createHttpClient({});
  try {
    const env = { "HOME_ASSISTANT_URL": server.url, "HOME_ASSISTANT_TOKEN": server.token };
    const send: typeof fetch = (input, init) => fetch(input, { ...init, client });
    const context = makeContext({ env, machine: { fetch: send }, now: () => Date.now() });
    assertEquals(await HOME_ASSISTANT_CHECK.run(context, NEVER_ABORTED), {
      status: "ok",
      message: `${server.url} answers, and accepts HOME_ASSISTANT_TOKEN: version 2025.12.3`,
    });
    await HOME_ASSISTANT_CLOCK_CHECK.run(context, NEVER_ABORTED);
    assertEquals(server.simulated.requests, ["GET /api/config"], "One request for both checks");
  } finally {
    client.close();
  }
});

Deno.test("home_assistant is skipped where it is not configured, with the settings that configure it", async () => {
  const found = await run(() => Promise.reject(new Error("Not called")), {});
  assertEquals([found.status, found.message], ["skipped", "Not set"]);
  assertStringIncludes(found.remedy ?? "", "HOME_ASSISTANT_URL and HOME_ASSISTANT_TOKEN");
});

Deno.test("home_assistant fails with a remedy for each answer and failure, and never shows the token or the answer", async () => {
  const cases: readonly [typeof fetch, string, string][] = [
    [fetchFailure("dns error"), "is not found", "HOME_ASSISTANT_URL"],
    [fetchFailure("Connection refused"), "refuses connections", "8123"],
    [fetchFailure("invalid peer certificate: UnknownIssuer"), "unknown authority", "HOME_ASSISTANT_CA_FILE"],
    [answering(401, "hidden"), "refuses HOME_ASSISTANT_TOKEN", "Long-lived access tokens"],
    [answering(403, "hidden"), "bans this machine", "ip_bans.yaml"],
    [answering(404, "hidden"), "no Home Assistant is there", "path"],
    [answering(302, "", { Location: "https://x" }), "redirects", "final address"],
    [answering(502, "hidden"), "proxy", "Start Home Assistant"],
    [answering(200, "<html>hidden"), "not as Home Assistant does", "is its address"],
    [answering(200, "{}"), "not as Home Assistant does", "is its address"],
    [answering(400, "The plain HTTP request was sent to HTTPS port"), "speaks HTTPS", "https://"],
  ];
  for (const [fetch, message, remedy] of cases) {
    const found = await run(fetch);
    assertEquals(found.status, "failed");
    assertStringIncludes(found.message, message);
    assertStringIncludes(found.remedy ?? "", remedy);
    assert(!JSON.stringify(found).includes(TOKEN) && !JSON.stringify(found).includes("hidden"));
  }
});

Deno.test("home_assistant names the add-on's configuration where the Supervisor's token is refused", async () => {
  const found = await run(answering(401), { "SUPERVISOR_TOKEN": TOKEN });
  assertStringIncludes(found.message, "http://supervisor/core answers HTTP 401: it refuses SUPERVISOR_TOKEN");
  assertStringIncludes(found.remedy ?? "", "homeassistant_api: true");
});

Deno.test("home_assistant warns of recovery mode", async () => {
  const found = await run(answering(200, '{"version":"2026.1.0","recovery_mode":true}'));
  assertEquals(found.status, "warning");
});

Deno.test("home_assistant_clock warns above 5 s, when the difference is certain", async () => {
  const at = (seconds: number) => answering(200, "{}", { Date: new Date(NOW + seconds * 1000).toUTCString() });
  for (const seconds of [0, 4, -4]) assertEquals((await runClock(at(seconds))).status, "ok");
  const behind = await runClock(at(60));
  assertEquals(behind.status, "warning");
  assertStringIncludes(behind.message, "60.5 s behind Home Assistant's");
  assertStringIncludes((await runClock(at(-60))).message, "59.5 s ahead of Home Assistant's");
  assertEquals((await runClock(answering(200, "{}"))).status, "skipped");
  assertEquals((await runClock(fetchFailure("dns error"))).status, "skipped");
});
