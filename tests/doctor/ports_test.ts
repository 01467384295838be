import { assertEquals, assertStringIncludes } from "@std/assert";
import { GATEWAY } from "../../src/doctor/checks/gateway.ts";
import type { Check } from "../../src/doctor/check.ts";
import { METRICS } from "../../src/doctor/checks/metrics.ts";
import { PUBLIC_URL } from "../../src/doctor/checks/public_url.ts";
import type { Machine } from "../../src/doctor/context.ts";
import { answering, fetchFailure, LOCAL_URL, makeContext, NEVER_ABORTED } from "../support/doctor_context.ts";

const refused = fetchFailure("tcp connect error: Connection refused (os error 111)");
const hanging: Machine["fetch"] = (_input, init) =>
  new Promise((_resolve, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
const free: Machine["listen"] = () => ({ close: () => {} });
const throwing = (error: Error): Machine["listen"] => () => {
  throw error;
};

const gateway = (machine: Partial<Machine>, env = {}) => GATEWAY.run(makeContext({ machine, env }), NEVER_ABORTED);
const metrics = (machine: Partial<Machine>, env = {}) => METRICS.run(makeContext({ machine, env }), NEVER_ABORTED);
const ready = (status: number, body: unknown, headers = {}) => ({
  fetch: answering(status, JSON.stringify(body), headers),
});

Deno.test("gateway reports a port that is free, taken, or unavailable", async () => {
  assertEquals(await gateway({ fetch: refused, listen: free }), {
    status: "failed",
    message: "It does not run: port 10000 is free",
    remedy: "Start the gateway: deno task start",
  });
  for (
    const [machine, message] of [
      [{ fetch: refused, listen: throwing(new Deno.errors.AddrInUse()) }, "taken by another program, which refuses"],
      [{ fetch: fetchFailure("invalid HTTP version parsed"), listen: throwing(new Deno.errors.AddrInUse()) }, "HTTP"],
      [{ fetch: refused, listen: throwing(new Deno.errors.PermissionDenied()) }, "ports below 1024"],
      [{ fetch: refused, listen: throwing(new Deno.errors.AddrNotAvailable()) }, "does not have the address 0.0.0.0"],
      [ready(200, { status: "ok" }), "taken by another program, which answers"],
    ] as const
  ) {
    const found = await gateway(machine);
    assertEquals(found.status, "failed");
    assertStringIncludes(found.message, message);
  }
  assertEquals((await gateway({}, { PORT: "0" })).status, "skipped");
});

Deno.test("metrics reports the health of the gateway", async () => {
  const parts = { broker: "ok", jeedom: "ok", "replay_store": "ok" };
  assertEquals((await metrics(ready(200, { status: "ok", failing: [], parts }))).status, "ok");
  const without = await metrics(ready(200, { status: "ok", failing: [], parts: { ...parts, jeedom: "failed" } }));
  assertEquals([without.status, without.message], ["warning", "The gateway works without: jeedom"]);
  const state = await metrics(ready(200, { status: "ok", failing: [], parts: { ...parts, state: "failed" } }));
  assertEquals([state.status, state.message], ["warning", "The gateway works without: state"]);
  assertStringIncludes(state.remedy ?? "", "restart all gateways");
  const failing = await metrics(
    ready(503, { status: "unavailable", failing: ["broker"], parts: { ...parts, broker: "failed" } }),
  );
  assertEquals([failing.status, failing.message], ["failed", "The gateway is not ready: broker"]);
  // Text of another program is not shown.
  const odd = await metrics(ready(503, { failing: ["some secret!"], parts: {} }));
  assertEquals(odd.message.includes("secret"), false);
});

Deno.test("metrics reports the age of the gateway's health, as newer checks may differ", async () => {
  const parts = { broker: "ok", jeedom: "failed", "replay_store": "ok" };
  const unready = ready(503, { status: "unavailable", failing: ["jeedom", "clock"], parts }, { Age: "12" });
  assertEquals(await metrics(unready, { JEEDOM_URL: "http://jeedom", HEALTH_CHECK_SECONDS: "30" }), {
    status: "failed",
    message: "The gateway is not ready: jeedom, clock (as of 12 s ago)",
    remedy: "See their lines above, and the gateway's log. It checks again every 30 s; changed settings " +
      "need a restart",
  });
  const content = { status: "ok", failing: [], parts: { ...parts, jeedom: "ok" } };
  for (const [age, suffix] of [["3", " (as of 3 s ago)"], ["secret", ""], ["-1", ""]] as const) {
    assertEquals(
      (await metrics(ready(200, content, { Age: age }))).message,
      `The gateway reports that it is ready${suffix}`,
    );
  }
});

Deno.test("metrics only warns when a Jeedom that is not set fails", async () => {
  const parts = { broker: "ok", jeedom: "failed", "replay_store": "ok" };
  const unready = (failing: readonly string[]) => ready(503, { status: "unavailable", failing, parts }, { Age: "2" });
  assertEquals(await metrics(unready(["jeedom"])), {
    status: "warning",
    message: "The gateway is not ready: jeedom (as of 2 s ago), which is not set",
    remedy: "Set JEEDOM_URL, or READY_NEEDS=broker if you have none",
  });
  assertEquals((await metrics(unready(["jeedom"]), { JEEDOM_APIKEY: "x" })).status, "failed");
  assertEquals((await metrics(unready(["jeedom", "broker"]))).status, "failed");
  assertEquals(
    (await metrics(unready(["jeedom"]), { READY_NEEDS: "broker" })).remedy?.split(":")[0],
    "Restart the gateway",
  );
  // With READY_NEEDS=broker, Jeedom is not mentioned.
  const content = ready(200, { status: "ok", failing: [], parts });
  assertEquals((await metrics(content, { READY_NEEDS: "broker" })).status, "ok");
  assertEquals(
    (await metrics(content, { READY_NEEDS: "broker", JEEDOM_URL: "http://jeedom" })).message,
    "The gateway works without: jeedom",
  );
});

Deno.test("metrics reports a port that is free, taken, off, or unknown", async () => {
  const own = { METRICS_PORT: "4711" };
  // Only the check gateway fails when the gateway does not run.
  assertEquals(await metrics({ fetch: refused, listen: free }, own), {
    status: "skipped",
    message: "The gateway does not run",
  });
  assertEquals(await metrics({ fetch: refused, listen: free }, { ...own, PORT: "0" }), {
    status: "skipped",
    message: "Port 4711 is free: the gateway is not found there",
  });
  assertEquals((await metrics({ fetch: refused, listen: throwing(new Deno.errors.AddrInUse()) })).status, "failed");
  assertEquals((await metrics(ready(404, { error: "Not found" }))).status, "failed");
  assertEquals((await metrics({}, { METRICS_PORT: "off" })).status, "skipped");
  assertEquals((await metrics({}, { METRICS_PORT: "0" })).status, "skipped");
  const older: Partial<Machine> = {
    listen: free,
    fetch: (input, init) =>
      String(input) === `${LOCAL_URL}/health`
        ? Promise.resolve(Response.json({ status: "ok", version: "1.0.0" }))
        : refused(input, init),
  };
  assertEquals((await metrics(older)).remedy, "Restart the gateway");
});

Deno.test("gateway, metrics and public_url report a hanging gateway once", async () => {
  const machine = { fetch: hanging, listen: throwing(new Deno.errors.AddrInUse()) };
  const context = makeContext({ machine, env: { PUBLIC_URL: "https://house.example" } });
  const run = (check: Check) => check.run(context, AbortSignal.timeout(1));
  const [port, own, outside] = await Promise.all([run(GATEWAY), run(METRICS), run(PUBLIC_URL)]);
  assertEquals([port.status, own.status, outside.status], ["failed", "skipped", "skipped"]);
  assertStringIncludes(port.message, "does not answer within 5 s: the gateway hangs, or another program is there");
  assertStringIncludes(port.remedy ?? "", "Restart the gateway");
  for (const { message } of [own, outside]) assertStringIncludes(message, "see gateway");
});

Deno.test("metrics finds a gateway that runs with another PORT", async () => {
  const fetch: Machine["fetch"] = (input, init) =>
    String(input).startsWith(LOCAL_URL)
      ? refused(input, init)
      : Promise.resolve(Response.json({ status: "ok", failing: [], parts: {} }));
  assertEquals(await metrics({ fetch, listen: free }), {
    status: "warning",
    message: "A gateway answers on port 9464 for metrics, and not on PORT, which is 10000",
    remedy: "Restart the gateway: PORT has changed since its start",
  });
});

Deno.test("gateway and public_url are skipped in a sandbox that does not allow asking the gateway, as its own is", async () => {
  const machine: Partial<Machine> = {
    fetch: () => Promise.reject(new Deno.errors.NotCapable('Requires net access to "127.0.0.1:10000"')),
    listen: throwing(new Deno.errors.AddrInUse()),
  };
  for (const check of [GATEWAY, PUBLIC_URL]) {
    const context = makeContext({ machine, env: { PUBLIC_URL: "https://home.example" } });
    assertEquals(await check.run(context, NEVER_ABORTED), {
      status: "skipped",
      message: "The sandbox does not allow this check",
      remedy: "Run it as: deno task doctor",
    });
  }
});
