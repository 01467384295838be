import { assertEquals } from "@std/assert";
import { ok } from "../../src/doctor/check.ts";
import { checksWith } from "../../src/doctor/checks.ts";
import { SERVICES } from "../../src/services/registry.ts";

Deno.test("checksWith() includes the checks of all services", async () => {
  const names = (await checksWith(SERVICES)).map(({ name }) => name);
  assertEquals(names, [
    "keys",
    "services_file",
    "clock",
    "jeedom",
    "broker",
    "home_assistant",
    "home_assistant_clock",
    "influxdb",
    "http",
    "actions",
    "redis",
    "gateway",
    "metrics",
    "refusals",
    "push",
    "public_url",
    "tailscale",
  ]);
});

Deno.test("checksWith() adds the checks of a service", async () => {
  const echo = { name: "echo", run: () => Promise.resolve(ok("Answers")) };
  const own = (await checksWith([{}])).map(({ name }) => name);
  const names = (await checksWith([{ doctor: () => Promise.resolve([echo]) }])).map(({ name }) => name);
  assertEquals(names.filter((name) => !own.includes(name)), ["echo"]);
});
