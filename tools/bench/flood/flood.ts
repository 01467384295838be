/**
 * What a flood of garbage from one address does to a phone at another: how long the phone waits for its answers with
 * and without the flood, with rate limits and without. Real gateway, flood in a process of its own, all on one machine.
 */
import type { CommandLine } from "../../../src/cli/args.ts";
import type { GatewayClient } from "../../../src/client/gateway_client.ts";
import { clientAt } from "../../../tests/support/client_at.ts";
import { startGatewayProcess } from "../../../tests/support/gateway_process.ts";
import { startJeedom } from "../../../tests/support/jeedom_server.ts";
import { Progress } from "../../support/progress.ts";
import { digits, markdownTable } from "../../support/report.ts";
import { inScope, runBench } from "../../support/run_tool.ts";
import { readNumber, readToolArgs, refuseMore } from "../../support/tool_args.ts";

const LINE = {
  synopsis: "deno task bench:flood [SECONDS]",
  summary: "Measure what a flood of garbage from one address does to a phone at another",
  options: {},
  notes: "SECONDS is the time of each of the six measurements (default: 10).",
} as const satisfies CommandLine;

const SECONDS = readToolArgs(LINE, ({ positionals: [seconds, ...more] }) => {
  refuseMore(more);
  return readNumber(seconds, { name: "SECONDS", standard: 10, min: 1 });
});

/** A phone's pace: one request each so many milliseconds, within its key's rate. */
const PACE_MS = 66;

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

const progress = new Progress(2 * 3);

await runBench(async (started) => {
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
        const phone = clientAt("198.51.100.7", gateway);
        const step = (what: string) => progress.step(`RATE_LIMITS=${RATE_LIMITS}, ${what}, ${SECONDS} s`);
        step("warm-up");
        await measure(phone);
        step("without a flood");
        const quiet = await measure(phone);
        const flood = new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--quiet", SOURCE, new URL(gateway.url).port, "203.0.113.9"],
        }).spawn();
        scope.defer(async () => {
          flood.kill();
          await flood.status;
        });
        await new Promise((resolve) => setTimeout(resolve, 1000));
        step("with the flood");
        const flooded = await measure(phone);
        const row = (name: string, { p50, p99, failed }: Measured) => [
          RATE_LIMITS,
          name,
          digits(p50, 1),
          digits(p99, 1),
          String(failed),
          digits(p50 / quiet.p50, 1),
        ];
        return [row("no", quiet), row("yes", flooded)];
      }),
    );
  }
  return markdownTable(["RATE_LIMITS", "flood", "p50 ms", "p99 ms", "failed", "p50 ratio"], rows);
});
