/** The clock of the gateway's machine is wrong at its start, and is corrected while it runs. */
import { assert, assertEquals } from "@std/assert";
import { faketimeEnv, LIBFAKETIME, setClock } from "../../tools/chaos/libfaketime.ts";
import { until } from "../support/deadline.ts";
import { inTempDir } from "../support/temp_dir.ts";
import { needing } from "../support/needs.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";

for (const ahead of [90, 7200]) {
  Deno.test(
    needing(
      `a gateway that starts ${ahead} s ahead serves within seconds after its clock is corrected, and logs the correction`,
      { faketime: LIBFAKETIME },
    ),
    () =>
      inTempDir(async (directory) => {
        await setClock(directory, ahead);
        const gateway = await startGatewayProcess(faketimeEnv(), { directory });
        try {
          const published = async () => (await gateway.client.publish("t", "m").catch(() => undefined))?.status === 200;
          const ready = async () => {
            const response = await fetch(`${gateway.metricsUrl}/health/ready`);
            const { failing }: { failing: string[] } = await response.json();
            return failing;
          };
          const notices = () => gateway.output.lines.filter((line) => line.includes("Clock was set")).length;
          let wasUnready = false;
          const setRight = async (steps: number) => {
            await setClock(directory, 0);
            await until("requests succeed", async () => {
              wasUnready ||= (await ready()).includes("clock");
              return await published();
            });
            await until("the step is logged once", () => notices() === steps);
          };
          await setRight(1);
          // A slow machine may miss the time in which everything is refused, so the clock is set wrong again.
          for (let steps = 2; !wasUnready && steps < 20; steps += 2) {
            await setClock(directory, ahead);
            await until("the wrong clock is logged", () => notices() === steps);
            await setRight(steps + 1);
          }
          assert(wasUnready, "Ready while everything is refused");
          assertEquals((await ready()).includes("clock"), false);
        } finally {
          await gateway.stop();
        }
      }),
  );
}
