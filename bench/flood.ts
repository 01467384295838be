/**
 * What a flood of garbage from one address does to a phone at another: how long the phone waits for its answers with
 * and without the flood, with rate limits and without. Real gateway, flood in a process of its own, all on one machine.
 */
import type { GatewayClient } from "../src/client/gateway_client.ts";
import { clientAt } from "../tests/system/client_at.ts";
import { startGatewayProcess } from "../tests/system/gateway_process.ts";
import { startJeedom } from "../tests/system/jeedom_server.ts";

/** A phone's pace: one request each so many milliseconds, within its key's rate. */
const PACE_MS = 66;
const SECONDS = Number(Deno.args[0] ?? 10);

const SOURCE = new URL("garbage_source.ts", import.meta.url).pathname;

interface Measured {
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}

async function measure(phone: GatewayClient): Promise<Measured> {
  const waits: number[] = [];
  let failed = 0;
  const end = performance.now() + SECONDS * 1000;
  for (let next = performance.now(); next < end; next += PACE_MS) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
    const began = performance.now();
    const { status } = await phone.callJeedom("ping");
    waits.push(performance.now() - began);
    if (status !== 200) failed += 1;
  }
  waits.sort((one, other) => one - other);
  const at = (share: number) => waits[Math.floor(share * (waits.length - 1))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), failed };
}

const rows: string[] = [];
for (const RATE_LIMITS of ["on", "off"]) {
  const jeedom = startJeedom();
  const gateway = await startGatewayProcess({ RATE_LIMITS, JEEDOM_URL: jeedom.url, JEEDOM_APIKEY: jeedom.apikey });
  const phone = clientAt("198.51.100.7", gateway);
  await measure(phone);
  const quiet = await measure(phone);
  const flood = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", SOURCE, new URL(gateway.url).port, "203.0.113.9"],
  }).spawn();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const flooded = await measure(phone);
  flood.kill();
  await flood.status;
  await gateway.stop();
  await jeedom.stop();
  const row = (name: string, { p50, p99, failed }: Measured) =>
    `| ${RATE_LIMITS} | ${name} | ${p50.toFixed(1)} | ${p99.toFixed(1)} | ${failed} | ${
      (p50 / quiet.p50).toFixed(1)
    } |`;
  rows.push(row("no", quiet), row("yes", flooded));
}
// deno-lint-ignore no-console
console.log(
  ["| RATE_LIMITS | flood | p50 ms | p99 ms | failed | p50 ratio |", "|---|---|---|---|---|---|", ...rows].join("\n"),
);
