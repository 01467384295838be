/**
 * Measures the effect of a flood of garbage from one address on a client at another: the latency of its requests with
 * and without the flood, with and without rate limits. Real gateway, flood in a separate process, all on one machine.
 */
import type { CommandLine } from "../../../src/cli/args.ts";
import type { GatewayClient } from "../../../src/client/gateway_client.ts";
import { clientAt } from "../../../tests/support/client_at.ts";
import { startGatewayProcess } from "../../../tests/support/gateway_process.ts";
import { startJeedom } from "../../../tests/support/jeedom_server.ts";
import { Progress } from "../../support/progress.ts";
import { digits, markdownTable } from "../../support/report.ts";
import { quantile } from "../../support/statistics.ts";
import { inScope, runTool } from "../../support/run_tool.ts";
import { readNumber, readToolArgs, refuseMore } from "../../support/tool_args.ts";

const LINE = {
  synopsis: "deno task bench:flood [SECONDS]",
  summary: "Measure the effect of a flood of garbage from one address on a client at another",
  options: {},
  notes: "SECONDS is the duration of each of the six measurements (default: 10).",
} as const satisfies CommandLine;

const SECONDS = readToolArgs(LINE, ({ positionals: [seconds, ...more] }) => {
  refuseMore(more);
  return readNumber(seconds, { name: "SECONDS", standard: 10, min: 1 });
});

/** Milliseconds between two requests of the client: within the rate of its key. */
const INTERVAL_MS = 66;

const SOURCE = new URL("garbage_source.ts", import.meta.url).pathname;

interface Measured {
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}

async function measure(client: GatewayClient): Promise<Measured> {
  const latencies: number[] = [];
  let failed = 0;
  const end = performance.now() + SECONDS * 1000;
  for (let next = performance.now(); next < end; next += INTERVAL_MS) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
    const began = performance.now();
    const { status } = await client.callJeedom("ping");
    latencies.push(performance.now() - began);
    if (status !== 200) failed += 1;
  }
  return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), failed };
}

const progress = new Progress(2 * 3);

await runTool(async (started) => {
  const rows: string[][] = [];
  for (const RATE_LIMITS of ["on", "off"]) {
    rows.push(
      ...await inScope(started, async (scope) => {
        const jeedom = startJeedom();
        scope.defer(() => jeedom.stop());
        const gateway = await startGatewayProcess({
          RATE_LIMITS,
          JEEDOM_URL: jeedom.url,
          JEEDOM_APIKEY: jeedom.apikey,
        });
        scope.defer(async () => void await gateway.stop());
        const client = clientAt("198.51.100.7", gateway);
        const step = (name: string) => progress.step(`RATE_LIMITS=${RATE_LIMITS}, ${name}, ${SECONDS} s`);
        step("warm-up");
        await measure(client);
        step("without a flood");
        const baseline = await measure(client);
        const flood = new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--quiet", SOURCE, new URL(gateway.url).port, "203.0.113.9"],
        }).spawn();
        scope.defer(async () => {
          flood.kill();
          await flood.status;
        });
        await new Promise((resolve) => setTimeout(resolve, 1000));
        step("with the flood");
        const flooded = await measure(client);
        const row = (name: string, { p50, p99, failed }: Measured) => [
          RATE_LIMITS,
          name,
          digits(p50, 1),
          digits(p99, 1),
          String(failed),
          digits(p50 / baseline.p50, 1),
        ];
        return [row("no", baseline), row("yes", flooded)];
      }),
    );
  }
  return markdownTable(["RATE_LIMITS", "flood", "p50 ms", "p99 ms", "failed", "p50 ratio"], rows);
});
