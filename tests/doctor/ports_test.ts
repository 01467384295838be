import { assertEquals, assertStringIncludes } from "@std/assert";
import { GATEWAY } from "../../src/doctor/checks/gateway.ts";
import { METRICS } from "../../src/doctor/checks/metrics.ts";
import type { Machine } from "../../src/doctor/machine.ts";
import { answering, fetchFailure, LOCAL_URL, makeHouse, PATIENT } from "./house.ts";

const refused = fetchFailure("tcp connect error: Connection refused (os error 111)");
const free: Machine["listen"] = () => ({ close: () => {} });
const throwing = (error: Error): Machine["listen"] => () => {
  throw error;
};

const gateway = (machine: Partial<Machine>, env = {}) => GATEWAY.look(makeHouse({ machine, env }), PATIENT);
const metrics = (machine: Partial<Machine>, env = {}) => METRICS.look(makeHouse({ machine, env }), PATIENT);
const ready = (status: number, body: unknown) => ({ fetch: answering(status, JSON.stringify(body)) });

Deno.test("the gateway's port is free, taken, or not to be had", async () => {
  assertEquals(await gateway({ fetch: refused, listen: free }), {
    status: "warning",
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

Deno.test("the metrics port tells what the gateway itself says of its parts", async () => {
  const parts = { broker: "ok", jeedom: "ok", "replay_store": "ok" };
  assertEquals((await metrics(ready(200, { status: "ok", failing: [], parts }))).status, "ok");
  const without = await metrics(ready(200, { status: "ok", failing: [], parts: { ...parts, jeedom: "failed" } }));
  assertEquals([without.status, without.message], ["warning", "The gateway works without: jeedom"]);
  const failing = await metrics(
    ready(503, { status: "unavailable", failing: ["broker"], parts: { ...parts, broker: "failed" } }),
  );
  assertEquals([failing.status, failing.message], ["failed", "The gateway is not ready: broker"]);
  // Another program's words are not repeated.
  const odd = await metrics(ready(503, { failing: ["some secret!"], parts: {} }));
  assertEquals(odd.message.includes("secret"), false);
});

Deno.test("the metrics port is free, taken, off, or anywhere", async () => {
  const own = { METRICS_PORT: "4711" };
  assertEquals(await metrics({ fetch: refused, listen: free }, own), { status: "ok", message: "Port 4711 is free" });
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
